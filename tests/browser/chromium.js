// Chromium: the one of the machine, with a fresh profile, and pictures of what it shows.

import { existsSync, mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/opt/google/chrome/chrome'];

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The desktop and the phone of the design. */
export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** A headless Chromium with a profile of its own, which it removes when it is closed. */
export function launch() {
  const executablePath = process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path));
  return chromium.launch({ executablePath, args: FLAGS });
}

const OUTPUT = new URL('output/', import.meta.url).pathname;

/** A picture of a page as it is: output/NAME.png. */
export async function picture(page, name) {
  mkdirSync(OUTPUT, { recursive: true });
  await page.screenshot({ path: `${OUTPUT}${name}.png`, animations: 'disabled' });
}

/** A picture in each theme: output/NAME-WIDTHxHEIGHT-light.png and -dark.png. */
export async function pictures(page, name) {
  const { width, height } = page.viewportSize();
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme });
    await picture(page, `${name}-${width}x${height}-${colorScheme}`);
  }
}
