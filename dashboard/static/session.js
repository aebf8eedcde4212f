// Fetches or drops the session cookie. The token itself never reaches a script: see dashboard/cookies.py.
export default function ({ data, parentElement }) {
  const wanted = data.action + data.ticket;
  if (parentElement.landunDone === wanted) return;
  parentElement.landunDone = wanted;
  if (data.action === "set") {
    fetch("/session", { method: "POST", body: data.ticket, credentials: "same-origin" });
  } else {
    fetch("/session", { method: "DELETE", credentials: "same-origin" });
  }
}
