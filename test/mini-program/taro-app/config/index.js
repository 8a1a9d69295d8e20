module.exports = {
  projectName: "tidings-taro-app",
  designWidth: 750,
  deviceRatio: { 750: 1 },
  sourceRoot: "src",
  outputRoot: process.env.OUTPUT_ROOT || "dist",
  framework: "react",
  compiler: { type: "webpack5", prebundle: { enable: false } },
  cache: { enable: false },
  plugins: ["@tarojs/plugin-framework-react", "@tarojs/plugin-platform-weapp"],
  mini: {},
};
