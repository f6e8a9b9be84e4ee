// @improbable-eng/grpc-web over a WebSocket: the client that grpcwebproxy was made for.

import { grpc } from "@improbable-eng/grpc-web";
import { EXCHANGE, SERVICE } from "./definitions.js";

const method = {
  methodName: EXCHANGE.name,
  service: { serviceName: SERVICE },
  requestStream: true,
  responseStream: true,
  responseType: { deserializeBinary: (bytes) => EXCHANGE.decode(bytes) },
};

const message = (payload) => ({ serializeBinary: () => EXCHANGE.encode({ payload }) });

export const improbable = {
  exchange: (base, payloads) =>
    new Promise((resolve, reject) => {
      const back = [];
      const call = grpc.client(method, { host: base, transport: grpc.WebsocketTransport() });
      call.onMessage(({ payload }) => {
        back.push(payload);
        if (back.length < payloads.length) call.send(message(payloads[back.length]));
        else call.finishSend();
      });
      call.onEnd((code, text) => (code === 0 ? resolve(back) : reject({ code, message: text, metadata: {} })));
      call.start();
      call.send(message(payloads[0]));
    }),
};
