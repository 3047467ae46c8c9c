/* Connections between page and kernel: the notebook's own connection (comm), or a separate websocket (loopback).
   Messages that must not be lost are numbered, kept until the kernel has them, and sent again after a break. */

const LOOPBACK_HOSTS = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/u;

class CommChannel {
  /** `gone` is called when the kernel of this comm has ended. */
  constructor(model, gone) {
    this.name = "comm";
    this.model = model;
    this.gone = gone;
  }

  /** Returns false if the kernel has ended. */
  send(message, buffer) {
    try {
      this.model.send(message, undefined, buffer ? [buffer] : []);
      return true;
    } catch {
      this.gone();
      return false;
    }
  }

  close() {}
}

class LoopbackChannel {
  /** Opens one of the addresses that the kernel offers. Resolves to null if none can be opened. */
  static async open(offer, on) {
    for (const address of loopbackAddresses(offer)) {
      const channel = await LoopbackChannel.#tryOne(address, offer, on);
      if (channel) return channel;
    }
    return null;
  }

  static #tryOne(address, offer, on) {
    return new Promise((resolve) => {
      let socket;
      try {
        socket = new WebSocket(`${address}${offer.path}`);
      } catch {
        resolve(null); // this page is not allowed to open such a socket
        return;
      }
      socket.binaryType = "arraybuffer";
      const callOff = afterTimeAwake(CONSTANTS.kernel_channels.opening_ms, () => socket.close());
      let channel = null;
      socket.onclose = () => {
        callOff();
        if (channel) on.closed(channel);
        else resolve(null);
      };
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (channel) {
          on.heard(message, channel);
        } else if (message.type === "welcome" && message.proof === offer.proof) {
          callOff();
          channel = new LoopbackChannel(socket);
          on.offered({ ...offer, path: message.path, proof: message.next_proof });
          resolve(channel);
        } else {
          socket.close(); // another program listens there
        }
      };
    });
  }

  constructor(socket) {
    this.name = "loopback";
    this.socket = socket;
  }

  /** Returns false if the socket is broken. Its end will be reported, and the outbox keeps the important messages. */
  send(message, buffer) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    if (!buffer) {
      this.socket.send(JSON.stringify(message));
      return true;
    }
    const head = new TextEncoder().encode(JSON.stringify(message));
    const bytes = new Uint8Array(4 + head.length + buffer.byteLength);
    new DataView(bytes.buffer).setUint32(0, head.length, true);
    bytes.set(head, 4);
    bytes.set(new Uint8Array(buffer), 4 + head.length);
    this.socket.send(bytes);
    return true;
  }

  close() {
    this.socket.close();
  }
}

/** This machine if the page came from it, and the notebook server's proxy if it has one. */
function loopbackAddresses({ port }) {
  const addresses = [];
  if (LOOPBACK_HOSTS.test(location.hostname)) addresses.push(`ws://127.0.0.1:${port}/`);
  const config = document.getElementById("jupyter-config-data");
  if (config) {
    const base = JSON.parse(config.textContent).baseUrl || "/";
    addresses.push(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${base}proxy/${port}/`);
  }
  return addresses;
}

/** All messages of a take that the kernel must get, in order. */
class Outbox {
  constructor(take) {
    this.take = take;
    this.channel = null;
    this.opening = null;
    this.next = 0;
    this.kept = [];
  }

  /** Use this channel from now on; `opening` begins the take, or continues it there. */
  attach(channel, opening = this.opening) {
    this.channel = channel;
    this.opening = opening;
    channel.send(opening);
    this.kept.forEach((entry) => this.#post(entry));
  }

  put(item, buffer = null, ms = 0) {
    const entry = { item: { ...item, type: "item", take: this.take, seq: this.next }, buffer, ms };
    this.next += 1;
    this.kept.push(entry);
    if (this.channel) this.#post(entry);
  }

  /** Note that the kernel has all items before `next`. */
  acknowledge(next) {
    while (this.kept.length && this.kept[0].item.seq < next) this.kept.shift();
  }

  resend() {
    this.kept.forEach((entry) => this.#post(entry));
  }

  get waitingMs() {
    return this.kept.reduce((sum, entry) => sum + entry.ms, 0);
  }

  #post({ item, buffer }) {
    this.channel.send(item, buffer ? buffer.slice(0) : null); // a copy, because sending over a comm may transfer the buffer
  }
}
