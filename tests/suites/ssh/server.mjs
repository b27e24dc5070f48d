// An SSH server that lets one key in and forwards connections: node server.mjs FOLDER-OF-SSH2 HOST-KEY ALLOWED-KEY.
// Says its port, and ends with its standard input.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import { join } from "node:path";

const [folder, hostKey, allowedKey] = process.argv.slice(2);
const { Server, utils } = createRequire(join(folder, "node_modules", "x.js"))("ssh2");
const allowed = utils.parseKey(readFileSync(allowedKey));
/** RFC 4254, 5.1: SSH_OPEN_CONNECT_FAILED. */
const CONNECT_FAILED = 2;

const server = new Server({ hostKeys: [readFileSync(hostKey)] }, (client) => {
  client.on("error", () => {});
  client.on("authentication", (attempt) => {
    const { method, key, signature, blob, hashAlgo, username } = attempt;
    const known = method === "publickey" && username === "lab" && key.data.equals(allowed.getPublicSSH());
    if (known && (!signature || allowed.verify(blob, signature, hashAlgo) === true)) attempt.accept();
    else attempt.reject(["publickey"]);
  });
  client.on("tcpip", (accept, reject, { destIP, destPort }) => {
    const socket = net.connect(destPort, destIP);
    socket.once("error", () => reject(CONNECT_FAILED));
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      const channel = accept();
      socket.on("error", () => channel.destroy());
      channel.on("error", () => socket.destroy());
      channel.on("close", () => socket.destroy());
      channel.pipe(socket).pipe(channel);
    });
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.on("end", () => process.exit()).resume();
