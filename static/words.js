// Every word of the page outside the table and the rules, with plural forms, numbers and times by Intl.

const LOCALE = 'en';
const plurals = new Intl.PluralRules(LOCALE);
const numbers = new Intl.NumberFormat(LOCALE);
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto', style: 'long' });
const lists = new Intl.ListFormat(LOCALE);
// Dates and times as the reader's browser writes them.
const days = new Intl.DateTimeFormat(undefined, { dateStyle: 'long' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const moments = new Intl.DateTimeFormat(undefined, { dateStyle: 'long', timeStyle: 'short' });

/** @param {number} count @param {string} one @param {string} other with `#` for the number */
export const plural = (count, one, other) => (plurals.select(count) === 'one' ? one : other).replace('#', numbers.format(count));

/** @param {number} value */
export const number = (value) => numbers.format(value);

/** @param {string[]} items */
export const listed = (items) => lists.format(items);

/** @param {number} ms */
export const day = (ms) => days.format(ms);

/** @param {number} ms */
export const timeOfDay = (ms) => clock.format(ms);

/** A day before which something has to be done, with the time of day if that is soon. @param {number} ms @param {number} nowMs */
export const deadline = (ms, nowMs) => (ms - nowMs < 2 * 86_400_000 ? moments : days).format(ms);

/** A length of time as a clock shows it: 1:05. @param {number} ms */
export function minutes(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000]];

/** A text of so many characters at most, counted as the server counts: an emoji is one. @param {string} text @param {number} most */
export const cut = (text, most) => (text.length > most ? [...text].slice(0, most).join('') : text);

/** When something was: "2 hours ago". @param {number} ms @param {number} nowMs */
export function ago(ms, nowMs) {
  const age = Math.max(0, nowMs - ms);
  if (age > 30 * 86_400_000) return day(ms);
  const [unit, length] = UNITS.find(([, unitMs]) => age >= unitMs) ?? [null, 0];
  return unit ? relative.format(-Math.floor(age / length), unit) : 'just now';
}

/** @typedef {import('./protocol.js').TableOptions} TableOptions */

/** The rules of a table in few words. @param {TableOptions} options */
export function optionsInWords({ rules, claim_hints: hints, talk }) {
  return [
    rules.tactics === 'off' ? 'troops only' : 'with tactics cards',
    rules.claim_timing === 'turn_start' ? 'claims before the play' : 'claims at any time',
    rules.tactics !== 'off' && rules.environment === 'removable' && 'Fog and Mud can be taken away',
    !hints && 'no claim hints',
    talk === 'players' && 'only the players talk',
    talk === 'nobody' && 'nobody talks',
  ].filter(Boolean).join(', ');
}

export const words = {
  brand: 'Nine Flags',
  yourTurn: 'Your turn',
  anotherAccount: 'You are logged in as somebody else now. What was waiting here was not sent.',
  skip: 'Skip to the content',
  nav: { label: 'Site', lobby: 'Lobby', games: 'Games', rules: 'Rules', account: 'Account', login: 'Log in' },
  theme: { label: /** @param {string} name */ (name) => `Theme: ${name}`, names: /** @type {Record<string, string>} */ ({ system: 'System', light: 'Light', dark: 'Dark' }) },
  account: /** @param {string} name */ (name) => `${name}, your account`,
  close: 'Close', cancel: 'Cancel', loading: 'Loading …',
  missing: { title: 'There is nothing here', text: 'This address leads nowhere. The lobby is a good place to start again.' },
  broken: 'This part of the page could not be loaded.', again: 'Try again',

  connection: {
    offline: 'Offline',
    connecting: 'Connecting',
    connected: 'Connected',
    reconnecting: /** @param {number} seconds */ (seconds) => (seconds < 1 ? 'Reconnecting' : `Reconnecting, ${seconds} s`),
    moving: 'Changing server',
    elsewhere: 'Playing in another window',
    logged_out: 'Not logged in',
    elsewhereText: 'You’re playing in another window. This window is paused.',
    takeBack: 'Play here',
  },

  login: {
    title: 'Play Battle Line, nine flags, two sides',
    intro: 'A card game for two by Reiner Knizia: build formations of three cards at nine flags, and prove that nobody can beat yours.',
    label: 'Your account',
    logIn: 'Log in',
    signUp: 'Sign up',
    name: 'Name',
    nameHint: '2 to 20 letters, digits, - or _',
    password: 'Password',
    passwordHint: '8 characters or more',
    create: 'Create account',
    or: 'or',
    guest: 'Play as a guest',
    guestHint: 'No password, one click. You can make it an account later and keep your games.',
  },

  lobby: {
    title: 'Lobby',
    lists: 'Lists',
    players: 'Players',
    tables: 'Tables',
    search: 'Search by name',
    freeOnly: 'Free now',
    player: 'Player',
    table: 'Table',
    now: 'Now',
    flags: 'Flags',
    watchers: 'Watchers',
    action: 'Action',
    free: 'Free',
    playing: 'Playing',
    youHere: 'you',
    left: 'Left',
    over: 'Over',
    against: /** @param {string} name @param {number} count */ (name, count) => `${name}, move ${number(count)}`,
    move: /** @param {number} count */ (count) => `move ${number(count)}`,
    versus: 'and',
    invite: 'Invite',
    watch: 'Watch',
    yours: 'Your table',
    message: 'Message',
    invited: 'Invited',
    inviteName: /** @param {string} name */ (name) => `Invite ${name}`,
    watchName: /** @param {string} name */ (name) => `Watch ${name}`,
    messageName: /** @param {string} name */ (name) => `Message ${name}`,
    changes: /** @param {number} count */ (count) => plural(count, 'Show # change', 'Show # changes'),
    range: /** @param {number} from @param {number} to @param {number} of */ (from, to, of) => `${number(from)}–${number(to)} of ${number(of)}`,
    pages: 'Pages',
    page: /** @param {number} page */ (page) => `Page ${number(page)}`,
    before: 'Page before',
    next: 'Next page',
    nobody: 'Nobody of that name is here.',
    nobodyFree: 'Nobody is free just now.',
    noTable: 'No game is being played just now.',
    alone: 'You are the only one here. Send a friend the address of this page.',
    guest: 'guest',
    guestWarning: /** @param {string} name */ (name) => `You’re playing as ${name}.`,
    keepGuest: 'Keep this account: choose a password',
    backToTable: 'Back to your table',
    playingNow: /** @param {string} name */ (name) => `Your game with ${name} is running.`,
    list: /** @param {string} name @param {number} page */ (name, page) => `${name}, page ${page}`,
  },

  flags: /** @param {number} first @param {number} second */ (first, second) => `Flags: ${first} to ${second}`,

  invites: {
    title: 'Invites',
    waiting: 'waiting',
    waitingTitle: /** @param {number} count */ (count) => plural(count, '# invite', '# invites'),
    none: 'No invites. Invite somebody from the list of players.',
    from: /** @param {string} name */ (name) => `${name} invites you`,
    to: 'To',
    left: /** @param {string} time */ (time) => `waiting ${time}`,
    timeLeft: 'Time left',
    resume: 'to go on with your saved game',
    accept: 'Accept',
    decline: 'Decline',
    retract: 'Retract',
    acceptName: /** @param {string} name */ (name) => `Accept ${name}`,
    declineName: /** @param {string} name */ (name) => `Decline ${name}`,
    retractName: /** @param {string} name */ (name) => `Retract the invite to ${name}`,
  },

  letters: {
    title: 'Messages',
    with: /** @param {string} name */ (name) => `Messages with ${name}`,
    none: 'No messages yet. They are not kept when you leave.',
    write: 'Your message',
    send: 'Send',
    answer: 'Answer',
    block: 'Block',
    unblock: 'Unblock',
    blockName: /** @param {string} name */ (name) => `Block ${name}`,
    unblockName: /** @param {string} name */ (name) => `Unblock ${name}`,
    isBlocked: 'You have blocked this player: no messages and no invites.',
    you: 'You',
  },

  invite: {
    title: /** @param {string} name */ (name) => `Invite ${name}`,
    send: 'Send invite',
    tactics: { label: 'Cards', on: 'With tactics', off: 'Troops only', hint: 'The ten tactics cards bend the rules; troops alone are the simpler game.' },
    claims: { label: 'Claims', any: 'Any time', turn_start: 'Before the play',
      hint: 'Whether a flag may be claimed at any time before the draw, or only before the card is played, so that the other side always gets one reply.' },
    environment: { label: 'Fog and Mud', fixed: 'Stay', removable: 'Can be taken away', hint: 'Whether Deserter and Redeploy may take Fog and Mud off a flag.' },
    hints: { label: 'Claim hints', on: 'On', off: 'Off', hint: 'Whether both of you are shown which claims would be granted.' },
    talk: { label: 'Who may talk', everyone: 'Everyone', players: 'Players', nobody: 'Nobody', hint: 'Players talk to each other, watchers to each other.' },
  },

  games: {
    title: 'Your games', none: 'Games you save or finish are kept here.',
    unknown: 'Your finished games cannot be shown right now. They are all kept.',
    yourTurn: 'Your turn',
    theirTurn: /** @param {string} name */ (name) => `${name}’s turn`,
    keptUntil: /** @param {string} when */ (when) => `kept until ${when}`,
    dropName: /** @param {string} name */ (name) => `Drop game with ${name}`,
    dropTitle: /** @param {string} name */ (name) => `Drop your game with ${name}?`,
    dropText: /** @param {string} name */ (name) => `It’s taken off your list. ${name} isn’t told and still has it: until ${name} drops it too, you can go on with it if ${name} invites you.`,
    dropGone: 'It’s gone for good then.', gone: 'can’t be resumed: that account is gone',
    savedAgo: /** @param {string} when */ (when) => `saved ${when}`,
    finishedAgo: /** @param {string} when */ (when) => `finished ${when}`,
    won: /** @param {number} own @param {number} other */ (own, other) => `you won ${own} to ${other}`,
    lost: /** @param {number} own @param {number} other */ (own, other) => `you lost ${own} to ${other}`,
    byReason: /** @param {boolean} won @param {string} reason */ (won, reason) => `${won ? 'you won' : 'you lost'} by ${reason}`,
    drawn: /** @param {number} own @param {number} other */ (own, other) => `a draw, ${own} to ${other}`,
    resume: 'Resume', replay: 'Replay', rematch: 'Rematch', drop: 'Drop', dropYes: 'Drop game',
    resumeName: /** @param {string} name */ (name) => `Resume with ${name}`,
    replayName: /** @param {string} name */ (name) => `Replay game with ${name}`,
    rematchName: /** @param {string} name */ (name) => `Rematch ${name}`,
    reasons: /** @type {Record<string, string>} */ ({
      breakthrough: 'breakthrough', envelopment: 'envelopment', resignation: 'resignation', stand_off: 'stand-off', absence: 'absence',
    }),
    wonBy: /** @param {string} name @param {string} reason */ (name, reason) => `${name} won by ${reason}`,
    drawBy: /** @param {string} reason */ (reason) => `A draw by ${reason}`,
  },

  player: {
    online: 'Online', offline: 'Not online',
    since: /** @param {string} date */ (date) => `here since ${date}`,
    guestSince: /** @param {string} date */ (date) => `a guest since ${date}`,
    games: 'Finished games',
    none: 'No finished games yet.',
    nobody: 'Nobody has that name',
    deleted: 'That account was deleted',
  },

  archive: {
    title: 'Finished games', intro: 'The latest games that were played to their end. Each can be replayed move by move, with both hands open.',
    none: 'No game has been finished yet.',
    replay: /** @param {string} first @param {string} second */ (first, second) => `Replay ${first} and ${second}`,
    newer: 'Newer', older: 'Older',
  },

  accountPage: {
    ownPage: 'Your page',
    logOut: 'Log out',
    logOutGuest: 'Log out and lose this guest?',
    logOutGuestText: 'You can’t log back in as a guest. To keep your name and games, create an account first.',
    giveUpGuest: /** @param {string} name */ (name) => `Give up ${name}?`,
    giveUpGuestText: 'You are logged in as a guest. If you log in as somebody else, this guest’s name, games and seat are lost for good. Create an account for it first if you want to keep them.',
    giveUpGuestYes: 'Give up this guest',
    upgrade: 'Keep this account',
    upgradeText: 'Choose a name and a password, and keep your games.',
    guestEnds: /** @param {string | null} when */ (when) => when
      ? `If you don’t come back before ${when}, this guest and its games are lost.` : 'If you stay away for too long, this guest and its games are lost.',
    alerts: 'When it is your turn', alertSound: 'Play a sound', alertNotify: 'Show a notification while this page is hidden',
    alertRefused: 'This browser does not allow notifications for this page.',
    blockedElsewhere: 'You’re playing in another window or on another device.', blockedShow: 'Use this one',
    removeSure: 'Delete this account?', removeSureText: 'Your name is released and your saved games are deleted. This can’t be undone.',
    upgradeSend: 'Make account',
    upgraded: 'You have an account now.',
    password: 'Password',
    oldPassword: 'Old password',
    newPassword: 'New password',
    passwordSend: 'Change password',
    passwordDone: 'Your password is changed, and you are logged out everywhere else.',
    theme: 'Theme',
    blocked: 'Blocked players',
    blockedNone: 'You have blocked nobody.',
    remove: 'Delete account',
    removeText: 'Your name is released and your saved games are deleted. Enter your password to confirm.',
    removeGuestText: 'This name and its saved games are lost.',
    removeSend: 'Delete permanently',
  },

  /** What a refusal means, by its code; the server's own words where a code has none. @type {Record<string, string>} */
  refused: {
    too_many: 'That was too fast. Wait a moment and try again.',
    not_online: 'That player is not online.',
    yourself: 'That would be yourself.',
    you_are_playing: 'You are playing: finish or save that game first.',
    invite_changed: 'That invite has changed. Look at it again before you accept.',
    too_many_blocked: 'You have blocked too many players. Unblock one first.',
    no_invite: 'That invite no longer stands.',
    already_invited: 'You have invited that player already.',
    too_many_invites: 'You have too many invites out. Retract one first.',
    blocked: 'That player does not want to hear from you, or you have blocked each other.',
    no_table: 'That game is no longer being played.',
    no_saved_game: 'That saved game is no longer there.',
    too_many_watched: 'You watch too many tables already.',
    too_many_saves: 'This game was saved too often: play it to its end.',
    too_many_saved: 'There is no room for another saved game: go on with one, or drop one.',
    bad_text: 'That message is empty or too long.',
    no_talk: 'Nobody may talk there.',
    old_tip: 'The game had moved on: your card is back in your hand.',
    not_your_turn: 'It is not your turn.',
    not_running: 'The game is over or stopped.',
    not_away: 'The other side has not been away long enough.',
    not_live: 'Your account is in use in another window.',
    unavailable: 'The server cannot save just now. Try again in a moment.',
    frozen: 'The game has gone on unsaved for too long, and waits until it can be saved.',
    upgrading: 'The servers are being upgraded. Try again in a while.',
    unreachable: 'The server cannot be reached. Try again in a moment.',
  },
};

/** The words of the table and the replay. */
export const tableWords = {
  table: 'Table', yourTurn: 'Your turn', promptLabel: 'What to do now', watch: 'Watch', board: 'Battle line',
  unseen: { t: 'A troop, shown once the game is saved', x: 'A tactics card, shown once the game is saved' },
  hand: /** @param {number} count */ (count) => `Your hand, ${plural(count, '# card', '# cards')}`,
  stepsLabel: 'Steps of your turn', yours: 'Yours', claim: 'Claim', last: 'last', staged: 'staged', you: 'You', mud: 'Mud 4', fog: 'Fog',
  claimFlag: /** @param {number} flag */ (flag) => `Claim flag ${flag + 1}`, claimOne: 'Claim a flag',
  playAndClaim: /** @param {string} card @param {number} flag */ (card, flag) => `Play ${card} and claim flag ${flag + 1}`,
  watchesOwn: 'You’re playing in another window. This one watches.', paused: 'You’re playing in another window. This window is paused.', takeBack: 'Play here',
  cancel: 'Cancel', undo: 'Undo', pass: 'Pass', end: 'End turn', discard: 'Discard it', putBack: 'Put back',
  backOrder: /** @param {number} index @param {number} count */ (index, count) => (index === count - 1 && count > 1 ? 'top' : `${index + 1}`),
  decks: { t: 'Troops', x: 'Tactics' },
  left: /** @param {number} count */ (count) => `${number(count)} left`,
  flagsWon: /** @param {number} count */ (count) => plural(count, '# flag won', '# flags won'),
  of5: 'of 5',
  tacticsPlayed: /** @param {number} count */ (count) => plural(count, '# tactics card played', '# tactics cards played'),
  holds: /** @param {string} name @param {number} troops @param {number} tactics */ (name, troops, tactics) =>
    `${name} holds ${plural(troops, '# troop', '# troops')} and ${plural(tactics, '# tactics card', '# tactics cards')}`,
  online: 'here', away: 'away',
  flagLabel: /** @param {number} flag @param {string[]} parts */ (flag, parts) => [`Flag ${flag + 1}`, ...parts].join('. '),
  sideLabel: /** @param {string} name @param {string} cards @param {string | null} formation */ (name, cards, formation) =>
    `${name}: ${cards || 'no cards'}${formation ? `, ${formation}` : ''}`,
  open: 'open',
  wonBy: /** @param {string} name */ (name) => `won by ${name}`,
  wonByYou: 'yours', fogLabel: 'Fog: only the sum counts', mudLabel: 'Mud: four cards on each side',
  press: /** @param {string} card */ (card) => `Press to play ${card} here`,
  mayClaim: 'Press to claim', provable: 'Claim: nobody can beat your cards',
  atFlag: /** @param {string} card @param {number} flag */ (card, flag) => `${card}, flag ${flag + 1}`,
  cardsAt: /** @param {string} name @param {number} flag */ (name, flag) => `${name}, cards at flag ${flag + 1}`,
  still: 'Troops still out',
  inPile: /** @param {number} count */ (count) => `${number(count)} in the pile`,
  filled: 'Filled: still out', framed: 'Inner frame: in your hand', outSeen: ' lies face up', outMine: ' in your hand', moves: 'Moves',
  messages: 'Messages', cards: 'Cards',
  discarded: /** @param {string} name */ (name) => `${name}: discarded`,
  guile: /** @param {string} name */ (name) => `${name}: played`,
  atFlagShort: /** @param {number} flag */ (flag) => `at flag ${flag + 1}`,
  returned: 'You put back, top last', close: 'Close', send: 'Send',
  messageTo: /** @param {string} name */ (name) => `Message to ${name}`,
  toWatchers: 'Message to the watchers', talkPlayers: 'Players only', talkWatchers: 'Watchers only',
  talkNobody: 'Nobody talks at this table', noMessages: 'No messages yet', written: '(private)', toName: /** @param {string} name */ (name) => `(private, to ${name})`, panels: 'Panels', off: 'off the line',
  back: 'puts back',
  withFresh: /** @param {string} name @param {number} count */ (name, count) => `${name}, ${number(count)} new`,
  watching: /** @param {number} count */ (count) => plural(count, '# person watches', '# people watch'),
  menu: 'Table menu', save: 'Save and leave', giveUp: 'Resign',
  /** What ends a game for both: its title, what comes of it, and the answer that does it. @type {Record<string, { title: string, text: (name: string) => string, yes: string }>} */
  questions: {
    save: { title: 'Save this game for later?', text: (name) => `The game stops for both of you. You can resume it when you and ${name} are both online.`, yes: 'Save game' },
    resign: { title: 'Resign this game?', text: (name) => `The game ends, and ${name} wins.`, yes: 'Resign' },
    claim_win: { title: 'Claim the win?', text: (name) => `The game ends, and ${name} loses for having been away too long.`, yes: 'Claim the win' },
  },
  rules: 'Rules',
  lobby: 'Lobby', leave: 'Stop watching', options: 'Played by', commitment: 'Hash of the decks',
  commitmentWhy: 'Fixed before the first move; the replay checks it.', since: 'Started',
  awayNow: /** @param {string} time */ (time) => `Away for ${time}`,
  awayWait: /** @param {string} time */ (time) => `you may save the game in ${time}`,
  awaySave: 'Save the game', awayWin: 'Claim the win',
  awayWinIn: /** @param {string} time */ (time) => `you may claim the win in ${time}`,
  proofTitle: /** @param {number} flag */ (flag) => `Flag ${flag + 1}: not proven yet`,
  proofCould: /** @param {string} name */ (name) => `${name}’s cards could still become a stronger formation:`,
  proofHas: /** @param {string} name */ (name) => `${name}’s cards are as strong or stronger:`,
  beats: 'beats', ties: 'ties: laid first',
  proofHold: /** @param {string} cards */ (cards) => `You hold ${cards}, but only cards that lie face up count as proof.`,
  proofFree: 'It is still your turn.', proofBack: 'Back to my turn',
  saved: /** @param {number} count */ (count) => `Saved, move ${number(count)}`,
  sending: 'Sending', notSent: 'Not sent yet', notSaved: 'Not saved yet', waits: 'Waiting to be saved', finished: 'Finished', savedWord: 'Saved', watchWord: 'Watching', replayWord: 'Replay',
  kept: 'Your move is kept here and goes out first',
  summary: /** @param {number} records @param {string} time */ (records, time) => `${plural(records, '# move', '# moves')} · ${time}`,
  flagsRow: 'Flags', bestRow: 'Best formation', tacticsRow: 'Tactics played',
  flag: /** @param {number} flag */ (flag) => `${flag + 1}`,
  replay: 'Replay', again: 'Invite again',
  invited: /** @param {string} name */ (name) => `${name} is invited again.`,
  showTable: 'Show the table', summaryBack: 'Summary', stopped: 'The game is saved', stoppedWhy: 'It can be resumed from the lobby when both are there.',
  toLobby: 'Back to the lobby', noBoxes: 'A part of the page could not be loaded: reload it.',
  noGame: 'No such game', noGameWhy: 'Nobody plays at this address, and no finished game has it. Check the address.', savedWith: 'With',
  loading: 'The table is on its way…', games: 'Games', facts: 'Game', players: 'Players', dealt: 'The cards are dealt',
  firstMove: 'First move', moveBack: 'One move back', moveOn: 'One move on', lastMove: 'Last move', move: 'Move',
  noReplay: 'There is no replay here', loadingReplay: 'The replay is on its way…',
  proofs: {
    right: 'The decks have this hash: they were fixed before the first move.', wrong: 'The decks do not have this hash!',
    unable: 'This browser checks hashes only for pages over https.',
  },
  /** The steps of a turn; those of the guile cards by their codes. */
  steps: ['Claim', 'Play', 'Draw'],
  guileSteps: /** @type {Record<string, string[]>} */ ({
    Sc: ['Scout', 'Draw 3', 'Put 2 back'], De: ['Deserter', 'Pick a card', 'Draw'], Tr: ['Traitor', 'Pick a troop', 'Where to', 'Draw'],
    Re: ['Redeploy', 'Pick a card', 'Where to', 'Draw'],
  }),
  prompt: {
    wait: /** @param {string} name */ (name) => `${name}’s turn`,
    card: 'Your turn: choose a card', claim: 'Choose the flag to claim', claimStaged: 'Send both?', draw: 'Draw a card to end your turn',
    end: 'Both decks are empty. End your turn.', scout: 'Scout: draw card 1 of 3', scoutNext: 'Scout: draw the next card',
    target: /** @type {Record<string, string>} */ ({
      De: 'Deserter: choose a card of theirs to remove', Tr: 'Traitor: choose a troop of theirs to take', Re: 'Redeploy: choose one of your cards to move',
    }),
    flag: /** @param {string} card */ (card) => `${card}: choose a flag`,
    flagOrOff: /** @param {string} card */ (card) => `${card}: choose a flag, or discard it`,
    at: /** @param {string} card @param {number} flag */ (card, flag) => `${card} to flag ${flag + 1}`,
    removed: /** @param {string} card */ (card) => `Remove ${card}`,
    discarded: /** @param {string} card */ (card) => `Discard ${card}`,
    confirm: /** @param {string} play */ (play) => `${play}: draw to confirm`,
    confirmEnd: /** @param {string} play */ (play) => `${play}. End your turn.`,
    back: /** @param {number} count */ (count) => `Choose ${plural(count, '# card', '# cards')} to put back`,
    backNext: /** @param {string} card */ (card) => `Put back ${card}. Choose one more; it will lie on top`,
    backAll: /** @param {string} cards */ (cards) => `Put back ${cards}, the last one on top`,
    backOne: /** @param {string} card */ (card) => `Put back ${card}`,
  },
  records: {
    place: /** @param {string} card @param {number} flag */ (card, flag) => `${card} to flag ${flag + 1}`,
    draw: /** @type {Record<string, string>} */ ({ t: 'draws a troop', x: 'draws a tactics card' }),
    drawn: /** @param {string} card */ (card) => `draws ${card}`,
    some: /** @type {Record<string, string>} */ ({ t: 'a troop', x: 'a tactics card' }),
    back: /** @param {string} cards */ (cards) => `puts back ${cards}`,
    claim: /** @param {number} flag */ (flag) => `claims flag ${flag + 1}`,
    deserter: /** @param {string} card */ (card) => `Deserter removes ${card}`,
    traitor: /** @param {string} card @param {number} flag */ (card, flag) => `Traitor takes ${card} to flag ${flag + 1}`,
    redeploy: /** @param {string} card @param {number} flag */ (card, flag) => `Redeploy moves ${card} to flag ${flag + 1}`,
    redeployOff: /** @param {string} card */ (card) => `Redeploy discards ${card}`,
    others: /** @type {Record<string, string>} */ ({
      Sc: 'Scout', pass: 'passes', end: 'ends the turn', resign: 'resigns', save: 'saves the game', resume: 'resumes the game',
      absent: 'wins: the other seat was away too long',
    }),
  },
  /** Why a game ended; of two of them it is the loser's doing. @type {Record<string, (loser: string | null) => string>} */
  reasons: {
    breakthrough: () => 'three flags in a row', envelopment: () => 'five flags', stand_off: () => 'both players passed',
    resignation: (loser) => (loser ? `${loser} resigned` : 'you resigned'),
    absence: (loser) => (loser ? `${loser} was away too long` : 'you were away too long'),
  },
  won: /** @param {string} name @param {string} reason */ (name, reason) => `${name} won: ${reason}`,
  drawn: /** @param {string} reason */ (reason) => `A draw: ${reason}`,
  colours: { red: 'Red', orange: 'Orange', yellow: 'Yellow', green: 'Green', blue: 'Blue', purple: 'Purple' },
  /** Of each tactics card its name, the word on a narrow card, and what it does. */
  tactics: /** @type {Record<string, [string, string, string]>} */ ({
    Al: ['Alexander', 'Any', 'Leader: any colour, any value'], Da: ['Darius', 'Any', 'Leader: any colour, any value'],
    Co: ['Companion', '8', 'An 8 of any colour'], Sh: ['Shield', '1–3', '1, 2 or 3 of any colour'], Fo: ['Fog', 'Fog', 'Only the sum counts here'],
    Mu: ['Mud', 'Mud', 'Four cards on each side'], Sc: ['Scout', 'Scout', 'Draw 3, put 2 back'], Re: ['Redeploy', 'Re', 'Move a card of yours'],
    De: ['Deserter', 'De', 'Remove a card of theirs'], Tr: ['Traitor', 'Tr', 'Take a troop of theirs'],
  }),
  /** Of each formation its name and its letter. */
  formations: /** @type {Record<string, [string, string]>} */ ({
    wedge: ['Wedge', 'W'], phalanx: ['Phalanx', 'P'], battalion: ['Battalion', 'B'], skirmish: ['Skirmish', 'S'], host: ['Host', 'H'], sum: ['Sum', 'Σ'],
  }),
};

/** A refusal, or a failure over HTTP, in words. @param {{ code?: string, words?: string }} refusal */
export const refusal = ({ code, words: said }) => (code && words.refused[code]) || said || words.refused.unreachable || '';
