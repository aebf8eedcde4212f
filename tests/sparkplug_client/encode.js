// Encodes Sparkplug B payloads, one JSON a line on standard input, to base64 lines on standard output.
const readline = require("readline");
const sparkplug = require("sparkplug-payload").get("spBv1.0");
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const payload = JSON.parse(line);
  console.log(Buffer.from(sparkplug.encodePayload(payload)).toString("base64"));
});
