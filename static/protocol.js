// The messages of the websocket as types, written from docs/protocol.schema.json by scripts/protocol-types.js; never loaded by a browser.

/**
 * One value for each seat.
 * @template T
 * @typedef {{ first: T, second: T }} BySeat
 */

/**
 * An account, for ever; the name may be looked up from it.
 * @typedef {string} AccountId
 */

/**
 * The name of an account as its owner writes it: [`AccountName::MIN`] to [`AccountName::MAX`] ASCII letters, digits, `-` and `_`.
 * @typedef {string} AccountName
 */

/** @typedef {string} Card */

/**
 * All that the seat on turn may do in this phase.
 * @typedef {{ claim?: FlagIndex[], deserter?: Card[], draw?: Deck[], draw_after_play?: Deck[], end?: boolean, end_after_play?: boolean,
 *   give_back?: number, pass?: boolean, place?: Record<string, FlagIndex[]>, provable?: FlagIndex[] | null,
 *   redeploy?: Record<string, FlagIndex[]>, scout?: boolean, traitor?: Record<string, FlagIndex[]> }} Choices
 */

/**
 * When flags may be claimed (RULES: D3).
 * @typedef {'any' | 'turn_start'} ClaimTiming
 */

/**
 * Why a table is no longer shown.
 * @typedef {'finished' | 'saved' | 'unwatched'} ClosedWhy
 */

/**
 * Why a claim was refused: cards anyone can see are still out, with which the other side would be better.
 * @typedef {{ flag: FlagIndex, laid: Card[], mine: Formation, missing: Card[], theirs: Formation }} CounterExample
 */

/** @typedef {'t' | 'x'} Deck */

/**
 * The two decks, from above.
 * @typedef {{ returned: Card[], tactics: number, troops: number }} DecksView
 */

/**
 * Why a game ended.
 * @typedef {'breakthrough' | 'envelopment' | 'resignation' | 'stand_off' | 'absence'} EndReason
 */

/**
 * How a game ended.
 * @typedef {{ reason: EndReason, winner?: Seat | null }} Ending
 */

/**
 * Whether Deserter and Redeploy may take Fog and Mud (RULES: D1, D2).
 * @typedef {'fixed' | 'removable'} Environment
 */

/** @typedef {number} FlagIndex */

/**
 * One flag of the line.
 * @typedef {{ cards: BySeat<Card[]>, environment: BySeat<Tactic[]>, formation: BySeat<Formation | null>, last_placer?: Seat | null,
 *   owner?: Seat | null, slots: number }} FlagView
 */

/**
 * A formation: compared by kind, then by sum.
 * @typedef {{ kind: FormationKind, sum: number }} Formation
 */

/**
 * The kinds of formation, weakest first.
 * @typedef {'host' | 'skirmish' | 'battalion' | 'phalanx' | 'wedge'} FormationKind
 */

/**
 * A saved or finished game.
 * @typedef {{ accounts?: BySeat<AccountId> | null, ending?: Ending | null, expires_ms?: number | null, flags: string, last_ms: number,
 *   names: BySeat<AccountName>, number: number, opponent?: AccountName | null, table: TableId, turn?: Seat | null, you?: Seat | null }}
 *   GameRow
 */

/**
 * Games of a player that are not being played.
 * @typedef {{ finished: GameRow[], finished_unknown?: boolean, saved: GameRow[] }} Games
 */

/**
 * A hand: its cards for who may see them, their backs for everyone.
 * @typedef {{ cards?: Card[] | null, tactics: number, troops: number }} HandView
 */

/**
 * The hash of a record and all before it: the first 16 bytes of SHA-256, in text in hex.
 * @typedef {string} Hash
 */

/**
 * An offer of a game.
 * @typedef {{ expires_ms: number, id?: InviteId | null, name: AccountName, options: TableOptions, resume?: TableId | null }} Invite
 */

/**
 * An invite: another one between the same two players, after this one, has another id.
 * @typedef {string} InviteId
 */

/**
 * Invites of a player.
 * @typedef {{ received: Invite[], sent: Invite[] }} Invites
 */

/**
 * Limits a browser should know; beyond each there is a refusal.
 * @typedef {{ away_save_secs: number, away_win_secs: number, invite_secs: number, invites_sent: number, message_chars: number,
 *   watched_tables: number }} Limits
 */

/**
 * The two lists of the lobby.
 * @typedef {'players' | 'tables'} LobbyList
 */

/**
 * A page of the lobby.
 * @typedef {{ matching: number, players: number, query: LobbyQuery, rows: LobbyRows, tables: number }} LobbyPage
 */

/**
 * Which page of the lobby to show.
 * @typedef {{ free_only: boolean, list: LobbyList, page: number, search: string }} LobbyQuery
 */

/**
 * The rows of a lobby page.
 * @typedef {{ players: PlayerRow[] } | { tables: TableRow[] }} LobbyRows
 */

/**
 * A record as a viewer may know it.
 * @typedef {{ seat: Seat, text: string }} LogLine
 */

/**
 * Words from a player.
 * @typedef {{ from: AccountName, sent_ms: number, table?: TableId | null, text: string, to?: AccountName | null }} Message
 */

/**
 * What a [`Update::Notice`] is about.
 * @typedef {'invite_declined' | 'invite_withdrawn' | 'invite_expired' | 'invite_void' | 'game_started' | 'went_back'} NoticeCode
 */

/**
 * The options of a game's rules.
 * @typedef {{ claim_timing: ClaimTiming, environment: Environment, tactics: Tactics }} Options
 */

/**
 * What the seat on turn must do next.
 * @typedef {'play' | 'scout_draw' | 'scout_return' | 'draw' | 'end' | 'over'} Phase
 */

/**
 * A player in the lobby.
 * @typedef {{ guest: boolean, name: AccountName, table?: TableRow | null }} PlayerRow
 */

/**
 * Why a request was refused.
 * @typedef {'malformed' | 'too_many' | 'not_online' | 'yourself' | 'playing' | 'you_are_playing' | 'no_invite' | 'invite_changed'
 *   | 'already_invited' | 'too_many_invites' | 'blocked' | 'too_many_blocked' | 'no_table' | 'no_saved_game' | 'too_many_saves'
 *   | 'too_many_saved' | 'not_seated' | 'not_your_turn' | 'illegal' | 'not_proved' | 'old_tip' | 'went_back' | 'not_away' | 'not_running'
 *   | 'too_many_watched' | 'seated' | 'bad_text' | 'no_talk' | 'not_live' | 'unavailable' | 'frozen' | 'upgrading'} RefusalCode
 */

/**
 * What a browser asks.
 * @typedef {{ id: RequestId } & ({ ask: 'ping' } | LobbyQuery & { ask: 'lobby' } | { ask: 'leave_lobby' }
 *   | { ask: 'invite', options?: TableOptions, resume?: TableId | null, to: AccountName }
 *   | { ask: 'accept', from: AccountName, invite?: InviteId | null } | { ask: 'decline', from: AccountName, invite?: InviteId | null }
 *   | { ask: 'withdraw', invite?: InviteId | null, to: AccountName } | { ask: 'move', moves: string[], table: TableId, tip: Tip }
 *   | { ask: 'resign', table: TableId } | { ask: 'save', table: TableId } | { ask: 'drop_saved', table: TableId }
 *   | { ask: 'claim_win', table: TableId } | { ask: 'watch', table: TableId } | { ask: 'unwatch', table: TableId }
 *   | { ask: 'seen', sealed?: string[], table: TableId, tip: Tip } | { ask: 'tell', text: string, to: AccountName }
 *   | { ask: 'say', table: TableId, text: string } | { ask: 'block', name: AccountName } | { ask: 'unblock', name: AccountName })}
 *   Request
 */

/**
 * The id a browser gives a request, so that it can be repeated without harm: 1 to [`RequestId::MAX`] letters, digits, `-` or `_`.
 * @typedef {string} RequestId
 */

/**
 * One of the two sides of a table; `First` has the first turn of the game.
 * @typedef {'first' | 'second'} Seat
 */

/**
 * What is new at a table since the view before: all else is as it was.
 * @typedef {{ away_since_ms: BySeat<number | null>, last_ms: number, log: LogLine[], log_from: number, saved: number, sealed?: string[],
 *   stopped: boolean, table: TableId, tip: Tip, unsaved?: number, view: ViewChanges, watchers: number }} TableChanges
 */

/**
 * A table, and the game played at it: the same id in the backup, as saved game and in the archive.
 * @typedef {string} TableId
 */

/**
 * What a table is played by.
 * @typedef {{ claim_hints: boolean, rules: Options, talk: Talk }} TableOptions
 */

/**
 * A live table in the lobby.
 * @typedef {{ flags: string, names: BySeat<AccountName>, number: number, table: TableId, watchers: number }} TableRow
 */

/**
 * Everything one viewer may know of a table.
 * @typedef {{ away_since_ms: BySeat<number | null>, commitment: string, last_ms: number, log: LogLine[], names: BySeat<AccountName>,
 *   options: TableOptions, saved: number, sealed?: string[], started_ms: number, stopped: boolean, table: TableId, tip: Tip,
 *   unsaved?: number, view: View, watchers: number }} TableView
 */

/** @typedef {string} Tactic */

/**
 * Whether the tactics cards are used.
 * @typedef {'on' | 'off'} Tactics
 */

/**
 * Who may talk at a table.
 * @typedef {'everyone' | 'players' | 'nobody'} Talk
 */

/**
 * How far a game is: how many records it has, and the hash of the last.
 * @typedef {{ hash: Hash, number: number }} Tip
 */

/**
 * What a node tells a browser.
 * @typedef {Welcome & { update: 'welcome' }
 *   | { id: RequestId, table?: TableId | null, tip?: Tip | null, unsaved?: boolean, update: 'done' }
 *   | { code: RefusalCode, counter?: CounterExample | null, id: RequestId, update: 'refused', words: string }
 *   | LobbyPage & { update: 'lobby' } | Invites & { update: 'invites' } | TableView & { update: 'table' }
 *   | TableChanges & { update: 'table_changes' } | { number: number, table: TableId, update: 'saved' }
 *   | { table: TableId, update: 'table_closed', why: ClosedWhy } | Games & { update: 'games' } | Message & { update: 'message' }
 *   | { code: NoticeCode, name?: AccountName | null, table?: TableId | null, tip?: Tip | null, update: 'notice', words: string }
 *   | { names: AccountName[], update: 'blocked' } | { delay_ms: number, update: 'reconnect' }} Update
 */

/**
 * Everything a viewer may know.
 * @typedef {{ choices?: Choices | null, decks: DecksView, discards: BySeat<Card[]>, ending?: Ending | null, flags: FlagView[],
 *   guile: BySeat<Tactic[]>, hands: BySeat<HandView>, leader_played: BySeat<boolean>, phase: Phase, tactics_played: BySeat<number>,
 *   turn?: Seat | null, unplayed: Card[], viewer: Viewer }} View
 */

/**
 * What is new of a [`View`] since the one before: the flags that changed, and the rest as it is now.
 * @typedef {{ choices?: Choices | null, decks: DecksView, discards: BySeat<Card[]>, ending?: Ending | null,
 *   flags: [FlagIndex, FlagView][], guile: BySeat<Tactic[]>, hands: BySeat<HandView>, leader_played: BySeat<boolean>, phase: Phase,
 *   tactics_played: BySeat<number>, turn?: Seat | null, unplayed: Card[] }} ViewChanges
 */

/**
 * Who looks at a game.
 * @typedef {'first' | 'second' | 'watcher'} Viewer
 */

/**
 * The first update of a session.
 * @typedef {{ blocked: AccountName[], games: Games, invites: Invites, limits: Limits, lobby: LobbyPage, now_ms: number, protocol: number,
 *   server: string, table?: TableView | null, you: You }} Welcome
 */

/**
 * The account of a session.
 * @typedef {{ account?: AccountId | null, expires_ms?: number | null, guest: boolean, name: AccountName }} You
 */

export {};
