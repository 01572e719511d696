// All browser tests, one after the other in one process: node tests/browser/run.js

import './render.test.js';
import './first-load.test.js';
import './lobby.test.js';
import './prompt.test.js';
import './sizes.test.js';
import './keyboard.test.js';
import './routes.test.js';
import './tabs.test.js';
import './whole-game.test.js';
import './table.test.js';
import './interruptions.test.js';
import './phone.test.js';
import './cluster.test.js';
