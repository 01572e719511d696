// Calls a player whose turn it is: by a sound, and by a notification while the page is not seen. Loaded when first wanted.

/** The two notes of the call, in hertz, how long each sounds and how loud. */
const NOTES = [660, 880];
const NOTE_SECS = 0.14;
const LOUD = 0.12;

/** @type {AudioContext | null} */
let audio = null;

/** @param {{ sound?: boolean, notify?: boolean }} wanted @param {string} words */
export function call({ sound, notify }, words) {
  if (sound) play();
  if (notify && document.visibilityState !== 'visible') show(words);
}

/** Two short notes; a browser that has not been touched yet stays silent. */
export function play() {
  audio ??= new AudioContext();
  const start = audio.currentTime + 0.02;
  for (const [index, hertz] of NOTES.entries()) note(audio, hertz, start + index * NOTE_SECS);
}

/** @param {AudioContext} context @param {number} hertz @param {number} at in seconds */
function note(context, hertz, at) {
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = hertz;
  volume.gain.setValueAtTime(LOUD, at);
  volume.gain.exponentialRampToValueAtTime(0.001, at + NOTE_SECS);
  tone.connect(volume).connect(context.destination);
  tone.start(at);
  tone.stop(at + NOTE_SECS);
}

/** @param {string} words */
function show(words) {
  if (!('Notification' in globalThis) || Notification.permission !== 'granted') return;
  try {
    const notification = new Notification(words, { tag: 'nineflags-turn' });
    notification.onclick = () => {
      window.focus();
      notification.close();
    };
  } catch {
    // Some browsers of phones show notifications of service workers only.
  }
}

/** Asks the browser to allow notifications; to be called when a person has just asked for them. */
export async function allowed() {
  if (!('Notification' in globalThis)) return false;
  return (await Notification.requestPermission()) === 'granted';
}
