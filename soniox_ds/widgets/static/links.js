/* How the page talks to the kernel: over the notebook's own connection (comm), or over a websocket of their own
   (loopback). What must not be lost is numbered and kept until the kernel has it, and sent again when a way breaks. */

const LINK_OPENING_MS = 1500;
const LINK_LOOPBACK_HOSTS = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/u;

class CommChannel {
  /** `gone` is called where the kernel of this comm is no more. */
  constructor(model, gone) {
    this.name = "comm";
    this.model = model;
    this.gone = gone;
  }

  /** False where nobody is there. */
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
  /** Opens one of the ways that the kernel offers; null where none can be opened. */
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
        resolve(null); // a page that may open no such socket
        return;
      }
      socket.binaryType = "arraybuffer";
      const callOff = afterPatience(LINK_OPENING_MS, () => socket.close());
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
          socket.close(); // somebody else listens there
        }
      };
    });
  }

  constructor(socket) {
    this.name = "loopback";
    this.socket = socket;
  }

  /** False where it broke: its end is on its way, and the outbox keeps what matters. */
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

/** This machine where the page came from it, and the notebook server's proxy where it has one. */
function loopbackAddresses({ port }) {
  const addresses = [];
  if (LINK_LOOPBACK_HOSTS.test(location.hostname)) addresses.push(`ws://127.0.0.1:${port}/`);
  const config = document.getElementById("jupyter-config-data");
  if (config) {
    const base = JSON.parse(config.textContent).baseUrl || "/";
    addresses.push(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${base}proxy/${port}/`);
  }
  return addresses;
}

/** Everything of one take that the kernel must get, in order. */
class Outbox {
  constructor(take) {
    this.take = take;
    this.channel = null;
    this.opening = null;
    this.next = 0;
    this.kept = [];
  }

  /** Talk over this channel from now on; `opening` begins the take, or takes it up again there. */
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

  /** The kernel has everything before item `next`. */
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
    this.channel.send(item, buffer ? buffer.slice(0) : null); // a buffer that is sent over a comm may be transferred
  }
}
