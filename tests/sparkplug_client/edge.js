// A Sparkplug B edge node of the community's client library. Arguments: broker URL, user, password, group, node.
// Reads samples as JSON lines, {"ts": ms, "values": {"ph": 7.3}}, and publishes each as NDATA by alias.
const readline = require("readline");
const sparkplug = require("sparkplug-client");
const [serverUrl, username, password, groupId, edgeNode] = process.argv.slice(2);
const aliases = { ph: 1, orp: 2 };
const client = sparkplug.newClient({ serverUrl, username, password, groupId, edgeNode, clientId: edgeNode, version: "spBv1.0" });
const birth = () =>
  client.publishNodeBirth({
    timestamp: Date.now(),
    metrics: [
      { name: "Node Control/Rebirth", type: "Boolean", value: false },
      { name: "ph", alias: aliases.ph, type: "Double", value: 7.0, timestamp: Date.now() },
      { name: "orp", alias: aliases.orp, type: "Int32", value: 700, timestamp: Date.now() },
    ],
  });
client.on("birth", () => {
  birth();
  console.log("born");
});
client.on("ncmd", (payload) => {
  if (payload.metrics.some((metric) => metric.name === "Node Control/Rebirth" && metric.value)) {
    birth();
    console.log("born again");
  }
});
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { ts, values } = JSON.parse(line);
  client.publishNodeData({
    timestamp: ts,
    metrics: Object.entries(values).map(([name, value]) => ({ alias: aliases[name], type: "Double", value, timestamp: ts })),
  });
});
