/** What a Taro program may hand over, checked and never run. */
import Taro from "@tarojs/taro";
import { connect, fromTaro } from "tidings/mini-program";

connect("https://api.example.cn/api/feed", {
  transport: fromTaro(Taro),
  onState: (state) => console.log(state),
}).close();

// @ts-expect-error Taro itself, not one of its names.
fromTaro("weapp");
