import { Text, View } from "@tarojs/components";
import Taro, { useRouter } from "@tarojs/taro";
import { useEffect, useState } from "react";
import {
  connect,
  type ConnectOptions,
  fromTaro,
  type ParsedMessage,
  type WxOptions,
} from "tidings/mini-program";

/** A stream for as long as the page lives. The query says which, and with which options; the tests give it. */
export default function Feed() {
  const { url = "", options = "{}", wx = "{}" } = useRouter().params;
  const [messages, setMessages] = useState<ParsedMessage[]>([]);
  const [errors, setErrors] = useState<string[]>([]);
  const [state, setState] = useState<string[]>([]);
  const [verdict, setVerdict] = useState("");

  useEffect(() => {
    const connection = connect(decodeURIComponent(url), {
      ...(JSON.parse(decodeURIComponent(options)) as Partial<ConnectOptions>),
      transport: fromTaro(Taro, JSON.parse(decodeURIComponent(wx)) as WxOptions),
      onMessage: (message) => setMessages((before) => [...before, message]),
      onError: (error) => setErrors((before) => [...before, `${error.code}: ${error.message}`]),
      onState: (next) => setState((before) => [...before, next]),
    });
    void connection.ended.then(({ reason }) => setVerdict(reason));
    return () => connection.close();
  }, [url, options, wx]);

  return (
    <View>
      <Text id="messages">{JSON.stringify(messages)}</Text>
      <Text id="errors">{JSON.stringify(errors)}</Text>
      <Text id="states">{JSON.stringify(state)}</Text>
      <Text id="verdict">{verdict}</Text>
    </View>
  );
}
