// The client's platform in a browser: the global WebSocket, JSON frames unless told otherwise. Imports nothing that a browser lacks.
import type { Platform, Transport, TransportHandlers } from './platform.ts';

export const browserPlatform: Platform = {
  defaultEncoding: 'json',
  // A browser cannot set headers on the upgrade, and an offered subprotocol shows up in logs: the token goes in hello.
  tokenInUpgrade: false,
  dial,
  now: () => performance.now(),
  wallNow: () => Date.now(),
  busyMeter: () => () => 0,
  random: () => Math.random(),
  timer(afterMs, fire) {
    const handle = setTimeout(fire, afterMs);
    return () => clearTimeout(handle);
  },
  soon: (task) => queueMicrotask(task),
};

function dial(url: string, subprotocol: string, _token: string | undefined, handlers: TransportHandlers): Transport {
  const socket = new WebSocket(url, [subprotocol]);
  socket.binaryType = 'arraybuffer';
  let speaking = true;
  socket.onopen = () => handlers.opened();
  socket.onmessage = ({ data }) => {
    if (speaking) handlers.message(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer));
  };
  // 'error' tells a page nothing, and 'close' follows it.
  socket.onclose = (event) => {
    if (!speaking) return;
    speaking = false;
    handlers.lost(`closed with ${event.code}${event.reason === '' ? '' : ` (${event.reason})`}`);
  };
  return {
    send(frames) {
      if (socket.readyState === WebSocket.OPEN) for (const frame of frames) socket.send(frame as string);
    },
    close(graceMs, closed) {
      speaking = false;
      // A page cannot cut a socket: after the grace the browser is left to finish alone.
      const timer = setTimeout(closed, graceMs);
      socket.onclose = () => {
        clearTimeout(timer);
        closed();
      };
      if (socket.readyState === WebSocket.CLOSED) socket.onclose(new CloseEvent('close'));
      else socket.close(1000);
    },
    terminate() {
      speaking = false;
      socket.close();
    },
  };
}
