// The messages of the websocket and the state of the page, as types; never loaded by a browser. See docs/PROTOCOL.md.

/**
 * @typedef {'first' | 'second'} Seat
 * @typedef {string} TableId
 * @typedef {string} CardCode
 * @typedef {'t' | 'x'} Deck
 * @typedef {{ number: number, hash: string }} Tip
 */

/**
 * @template T
 * @typedef {{ first: T, second: T }} BySeat
 */

/**
 * @typedef {{ tactics: 'on' | 'off', claim_timing: 'any' | 'turn_start', environment: 'fixed' | 'removable' }} RuleOptions
 * @typedef {{ rules: RuleOptions, claim_hints: boolean, talk: 'everyone' | 'players' | 'nobody' }} TableOptions
 * @typedef {{ list: 'players' | 'tables', search: string, free_only: boolean, page: number }} LobbyQuery
 */

/**
 * @typedef {{ ask: 'ping' } | { ask: 'leave_lobby' } | ({ ask: 'lobby' } & LobbyQuery)
 *   | { ask: 'invite', to: string, options?: TableOptions, resume?: TableId }
 *   | { ask: 'accept', from: string, invite?: string } | { ask: 'decline', from: string, invite?: string } | { ask: 'withdraw', to: string, invite?: string }
 *   | { ask: 'move', table: TableId, tip: Tip, moves: string[] }
 *   | { ask: 'resign' | 'save' | 'claim_win' | 'watch' | 'unwatch', table: TableId }
 *   | { ask: 'seen', table: TableId, tip: Tip, sealed?: string[] }
 *   | { ask: 'tell', to: string, text: string } | { ask: 'say', table: TableId, text: string }
 *   | { ask: 'drop_saved', table: string }
 *   | { ask: 'block' | 'unblock', name: string }} Ask
 * `waits` of a request: the server could not save it just now, and it will be sent again.
 * @typedef {{ id: string, waits?: boolean } & Ask} Request
 */

/**
 * @typedef {{ kind: string, sum: number }} Formation
 * @typedef {{ flag: number, mine: Formation, theirs: Formation, laid: CardCode[], missing: CardCode[] }} CounterExample
 * @typedef {{ winner: Seat | null, reason: 'breakthrough' | 'envelopment' | 'resignation' | 'stand_off' | 'absence' }} Ending
 */

/**
 * @typedef {{ cards: BySeat<CardCode[]>, environment: BySeat<CardCode[]>, slots: number, owner: Seat | null,
 *   formation: BySeat<Formation | null>, last_placer: Seat | null }} FlagView
 * @typedef {{ cards: CardCode[] | null, troops: number, tactics: number }} HandView
 * @typedef {{ place?: Record<CardCode, number[]>, scout?: boolean, deserter?: CardCode[], traitor?: Record<CardCode, number[]>,
 *   redeploy?: Record<CardCode, number[]>, draw?: Deck[], draw_after_play?: Deck[], give_back?: number, claim?: number[], provable?: number[],
 *   pass?: boolean, end?: boolean, end_after_play?: boolean }} Choices
 * @typedef {{ viewer: Seat | 'watcher', phase: 'play' | 'scout_draw' | 'scout_return' | 'draw' | 'end' | 'over', turn: Seat | null,
 *   flags: FlagView[], hands: BySeat<HandView>, decks: { troops: number, tactics: number, returned: CardCode[] },
 *   discards: BySeat<CardCode[]>, guile: BySeat<CardCode[]>, tactics_played: BySeat<number>, leader_played: BySeat<boolean>,
 *   unplayed: CardCode[], ending: Ending | null, choices: Choices | null }} View
 * @typedef {{ seat: Seat, text: string }} LogLine
 * @typedef {{ table: TableId, tip: Tip, saved: number, unsaved?: number, sealed?: string[], names: BySeat<string>, away_since_ms: BySeat<number | null>,
 *   watchers: number, options: TableOptions, commitment: string, started_ms: number, last_ms: number, stopped: boolean,
 *   view: View, log: LogLine[] }} TableView
 * @typedef {Pick<TableView, 'table' | 'tip' | 'saved' | 'unsaved' | 'sealed' | 'away_since_ms' | 'watchers' | 'last_ms' | 'stopped' | 'log'> & {
 *   update: 'table_changes', view: Omit<View, 'viewer' | 'flags'> & { flags: [number, FlagView][] }, log_from: number }} TableChanges
 */

/**
 * @typedef {{ table: TableId, names: BySeat<string>, number: number, flags: string, watchers: number }} TableRow
 * @typedef {{ name: string, guest: boolean, table: TableRow | null }} PlayerRow
 * @typedef {{ query: LobbyQuery, players: number, tables: number, matching: number,
 *   rows: { players: PlayerRow[] } | { tables: TableRow[] } }} LobbyPage
 * @typedef {{ id?: string, name: string, options: TableOptions, resume?: TableId, expires_ms: number }} Invite
 * @typedef {{ received: Invite[], sent: Invite[] }} Invites
 * @typedef {{ table: TableId, names: BySeat<string>, number: number, flags: string, turn?: Seat, ending?: Ending, last_ms: number,
 *   expires_ms?: number, you?: Seat, opponent?: string, accounts?: BySeat<string> }} GameRow
 * @typedef {{ saved: GameRow[], finished: GameRow[], finished_unknown?: boolean }} Games
 * @typedef {{ from: string, to?: string, table?: TableId, text: string, sent_ms: number }} Message
 * @typedef {{ account?: string, name: string, guest: boolean, expires_ms?: number }} You
 * @typedef {{ message_chars: number, watched_tables: number, invites_sent: number, invite_secs: number, away_save_secs: number,
 *   away_win_secs: number }} Limits
 */

/**
 * @typedef {{ update: 'welcome', protocol: number, server: string, now_ms: number, you: You, invites: Invites, table: TableView | null,
 *   games: Games, blocked: string[], lobby: LobbyPage, limits: Limits }} Welcome
 * @typedef {{ update: 'done', id: string, table?: TableId, tip?: Tip, unsaved?: boolean }} Done
 * @typedef {{ update: 'refused', id: string, code: string, words: string, counter?: CounterExample }} Refused
 * @typedef {Done | Refused} Answer
 * @typedef {Welcome | Answer | ({ update: 'lobby' } & LobbyPage) | ({ update: 'invites' } & Invites) | ({ update: 'table' } & TableView) | TableChanges
 *   | { update: 'saved', table: TableId, number: number }
 *   | { update: 'table_closed', table: TableId, why: 'finished' | 'saved' | 'unwatched' }
 *   | ({ update: 'games' } & Games) | ({ update: 'message' } & Message)
 *   | { update: 'notice', code: string, words: string, name?: string, table?: TableId, tip?: Tip }
 *   | { update: 'blocked', names: string[] } | { update: 'reconnect', delay_ms: number }} Update
 */

/**
 * @typedef {{ word: 'offline' | 'connecting' | 'connected' | 'reconnecting' | 'moving' | 'elsewhere' | 'logged_out' | 'quiet', sinceMs: number,
 *   retryAtMs: number | null }} ConnectionState
 * @typedef {'lobby' | 'table' | 'watch' | 'game' | 'player' | 'games' | 'rules' | 'account' | 'login' | 'nowhere'} RouteName
 * @typedef {{ name: RouteName, id: string }} Route
 * @typedef {{ key: number, code: string, words: string, name: string | null }} Notice
 * @typedef {{ page: LobbyPage, rows: { row: any, gone: boolean }[], changes: number }} Shown
 * @typedef {{ you: You | null, limits: Limits | null, offsetMs: number, lobby: LobbyPage | null, showing: LobbyQuery | null, shown: Shown | null, invites: Invites,
 *   games: Games, blocked: string[], seat: TableId | null, tables: Record<TableId, TableView>, sealed: Record<TableId, Record<number, string>>,
 *   closed: Record<TableId, 'finished' | 'saved' | 'unwatched'>, wentBack: TableId[], talk: Record<TableId, Message[]>,
 *   letters: Message[], notices: Notice[], noticed: number, connection: ConnectionState, pending: Request[], route: Route,
 *   follows: boolean, ui: Record<string, any> }} State
 * `follows`: another tab of this browser has the connection, and this one shows what that one is told. `showing`: the page of the lobby
 * that the server was asked last to show, by whichever tab.
 * @typedef {Omit<State, 'ui' | 'route' | 'shown' | 'notices' | 'noticed' | 'follows'>} Shared
 * @typedef {{ kind: 'update', update: Update, nowMs?: number } | { kind: 'connection', connection: ConnectionState }
 *   | { kind: 'route', route: Route } | { kind: 'ui', part: string, value: any }
 *   | { kind: 'me', you: You } | { kind: 'shared', shared: Shared } | { kind: 'follows', follows: boolean }
 *   | { kind: 'notice', words: string, code?: string } | { kind: 'noticed', key: number }
 *   | { kind: 'sent', request: Request } | { kind: 'answered', answer: Answer }} StateEvent
 */

/**
 * What a screen may do.
 * @typedef {{ ask: (ask: Ask) => Promise<Answer>, ui: (part: string, value: any) => void, go: (path: string) => void, redirect: (path: string) => void,
 *   notice: (words: string) => void, noticed: (key: number) => void,
 *   get: (path: string) => Promise<Reply>, post: (path: string, body?: object) => Promise<Reply>,
 *   login: () => void, takeBack: () => void }} Act
 * @typedef {{ ok: boolean, status: number, data: any }} Reply
 * @typedef {{ draw: (state: State, act: Act) => import('./render.js').Child, enter?: (state: State, act: Act) => void,
 *   leave?: (state: State, act: Act) => void, tick?: (state: State, act: Act) => void, bar?: (state: State, act: Act) => import('./render.js').Child,
 *   covers?: (state: State) => boolean, word?: (state: State) => { text: string, kind: string } | null, title?: (state: State) => string }} Screen
 */

export {};
