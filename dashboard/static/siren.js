// Two short tones for a new high alarm. Browsers forbid sound until the reader has clicked somewhere on the page.
import "./navigate.js"; // this component is on every page, so links in plain HTML work everywhere

let context = null;

function audio() {
  const Audio = window.AudioContext || window.webkitAudioContext;
  if (!context && Audio && navigator.userActivation?.hasBeenActive) context = new Audio();
  return context;
}

function beep() {
  const sound = audio();
  if (!sound) return;
  sound.resume();
  for (const [start, pitch] of [[0, 880], [0.22, 660], [0.55, 880], [0.77, 660]]) {
    const tone = sound.createOscillator();
    const volume = sound.createGain();
    const at = sound.currentTime + start;
    tone.type = "triangle";
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.25, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.2);
    tone.connect(volume).connect(sound.destination);
    tone.start(at);
    tone.stop(at + 0.21);
  }
}

export default function ({ data, parentElement }) {
  let note = parentElement.querySelector(".ld-blocked");
  if (!note) {
    note = document.createElement("div");
    note.className = "ld-blocked";
    parentElement.appendChild(note);
  }
  const blocked = !data.muted && !navigator.userActivation?.hasBeenActive;
  note.textContent = blocked ? data.blocked : "";
  if (parentElement.landunAlarm === undefined) {
    parentElement.landunAlarm = data.alarm; // what was there before this screen is no news
    return;
  }
  if (data.alarm && data.alarm !== parentElement.landunAlarm && !data.muted) beep();
  parentElement.landunAlarm = data.alarm;
}
