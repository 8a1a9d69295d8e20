import { Text, View } from "@tarojs/components";
import Taro, { useRouter } from "@tarojs/taro";
import { useEffect, useState } from "react";

/** What one finds when one searches: each chunk is decoded by itself and split at blank lines. The tests show what it loses. */
export default function Naive() {
  const { url = "", intercept } = useRouter().params;
  const [errors, setErrors] = useState("");
  const [messages, setMessages] = useState<{ event: string; data: string; id: string }[]>([]);

  useEffect(() => {
    // One of Taro's own: with it, the promise that Taro.request returns is no longer the task.
    const { interceptors } = Taro;
    if (intercept) Taro.addInterceptor((chain) => interceptors.logInterceptor(chain));
    const task = Taro.request({
      url: decodeURIComponent(url),
      enableChunked: true,
      responseType: "arraybuffer",
    });
    try {
      task.onChunkReceived(({ data }) => {
        for (const block of decode(data).split("\n\n")) {
          const message = { event: "message", data: "", id: "" };
          for (const line of block.split("\n")) {
            const [name, value = ""] = line.split(": ");
            if (name === "event" || name === "data" || name === "id") message[name] = value;
          }
          if (message.data !== "") setMessages((before) => [...before, message]);
        }
      });
    } catch (error) {
      setErrors(String(error));
    }
    task.catch(() => {});
    return () => task.abort();
  }, [url, intercept]);

  return (
    <View>
      <Text id="messages">{JSON.stringify(messages)}</Text>
      <Text id="errors">{errors}</Text>
    </View>
  );
}

function decode(data: ArrayBuffer): string {
  const bytes = String.fromCharCode(...new Uint8Array(data));
  try {
    return decodeURIComponent(escape(bytes));
  } catch {
    return bytes;
  }
}
