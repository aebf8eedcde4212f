// Going to another page of the dashboard without loading the application anew.
// The browser moves first and Streamlit follows, as with its back button. The other way round (the script
// switching pages while fragments refresh themselves) a refresh of the old page may undo the switch.
export function go(address) {
  window.history.pushState({}, "", address);
  window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.ld-go");
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
