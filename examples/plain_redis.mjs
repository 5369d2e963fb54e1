// A subscriber in JavaScript with nothing of ours: the plain `redis` client (npm install redis).
//
//   node examples/plain_redis.mjs redis://localhost:6379 o2c.order
//   node examples/plain_redis.mjs /path/of/data/streams/valkey.sock o2c.order
import { createClient } from "redis";

const [server = "redis://localhost:6379", stream = "o2c.order"] = process.argv.slice(2);
const group = "example-node";
const consumer = `node-${process.pid}`;

const client = server.startsWith("/")
  ? createClient({ socket: { path: server } })
  : createClient({ url: server });
client.on("error", (error) => console.error("stream server:", error.message));
await client.connect();

// From the beginning ("0"), so that what was published before this ran is not missed.
await client.xGroupCreate(stream, group, "0", { MKSTREAM: true }).catch((error) => {
  if (!error.message.startsWith("BUSYGROUP")) throw error;
});

// What this program keeps about messages it handled. A real one keeps the ids in its database, in
// the transaction of the effect: at-least-once on the road, exactly one effect.
const handled = new Set();

// A restart first reads again what was delivered to this consumer and not acknowledged ("0"),
// then what is new (">").
let position = "0";
for (;;) {
  const answer = await client.xReadGroup(group, consumer, { key: stream, id: position }, { COUNT: 100, BLOCK: 5000 });
  const entries = answer?.[0]?.messages ?? [];
  if (position === "0" && entries.length === 0) position = ">";
  for (const { message } of entries) {
    if (handled.has(message.id)) continue;
    const data = JSON.parse(message.data);
    console.log(message.time, message.type, message.subject, data.order_id ?? "");
    handled.add(message.id);
  }
  if (entries.length) await client.xAck(stream, group, entries.map((entry) => entry.id));
}
