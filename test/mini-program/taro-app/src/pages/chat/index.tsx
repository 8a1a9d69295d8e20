import { Button, Text, View } from "@tarojs/components";
import Taro, { useRouter, useUnload } from "@tarojs/taro";
import { useRef, useState } from "react";
import { connect, type Connection, fromTaro } from "tidings/mini-program";

export default function Chat() {
  const { api = "http://127.0.0.1:3001" } = useRouter().params;
  const [answer, setAnswer] = useState("");
  const [status, setStatus] = useState("");
  const connection = useRef<Connection>();

  function ask() {
    connection.current?.close();
    setAnswer("");
    connection.current = connect(`${api}/api/chat`, {
      transport: fromTaro(Taro),
      method: "POST",
      headers: { authorization: "Bearer demo" },
      body: { q: "你好" },
      until: "done",
      onMessage(message) {
        if (message.event !== "message") return;
        const { token } = JSON.parse(message.data) as { token: string };
        setAnswer((text) => text + token);
      },
      onState: setStatus,
    });
    void connection.current.ended.then(({ reason, cause }) => {
      setStatus(reason === "gave-up" || reason === "truncated" ? `${reason}: ${cause.message}` : reason);
    });
  }

  function stop() {
    connection.current?.close();
  }

  useUnload(stop);

  return (
    <View>
      <Text id="answer">{answer}</Text>
      <Text id="status">{status}</Text>
      <Button id="ask" onClick={ask}>
        发送
      </Button>
      <Button id="stop" onClick={stop}>
        停止
      </Button>
    </View>
  );
}
