//! Everything a node serves over HTTP, all routes on one page.

pub mod answer;
pub mod assets;
pub mod attempts;
pub mod cookies;
pub mod forwarded;
pub mod login;
pub mod ops;
pub mod pages;
pub mod query;
pub mod replay;
pub mod server;
pub mod socket;
pub mod waiting;
pub mod wire;

use std::convert::Infallible;
use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::{ALLOW, HOST, HeaderMap, HeaderValue, ORIGIN};
use http::{Method, StatusCode};
use tokio::sync::watch;
use warp::filters::BoxedFilter;
use warp::header::headers_cloned;
use warp::reply::Response;
use warp::{Filter, Rejection};

use self::answer::Failure;
use self::assets::Assets;
use self::query::Query;
use self::replay::Replays;
use self::waiting::Place;
use crate::cluster::App;
use crate::limits::Key;
use crate::origin::{self, Site};
use crate::passwords::Passwords;

/// The first filter that takes the request.
macro_rules! either {
    ($first:expr $(, $next:expr)* $(,)?) => { $first$(.or($next).unify().boxed())* };
}

/// The longest body of a request, in bytes.
pub const BODY_MAX: u64 = 4 * 1024;

/// Whether a node can serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// Yes, but with less than there should be.
    Reduced(String),
    /// No, for this reason.
    NotReady(String),
}

impl Readiness {
    /// Whether it can, with all there should be or not.
    pub fn serves(&self) -> bool {
        !matches!(self, Readiness::NotReady(_))
    }
}

/// What the routes need.
pub struct Http {
    pub app: Arc<App>,
    pub site: Site,
    pub passwords: Passwords,
    pub assets: Assets,
    pub replays: Replays,
    pub readiness: watch::Receiver<Readiness>,
}

/// Whom a request is charged to.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub Key);

/// The other end of a request's connection: a browser, or whatever passes its requests on.
#[derive(Debug, Clone, Copy)]
pub struct Caller(pub IpAddr);

impl Http {
    /// Whether a request comes from a page of this site. A cookie is sent along by any page; the Origin is not forged
    /// by a browser.
    pub fn is_own_origin(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        text(ORIGIN).is_some_and(|origin| self.site.is_own(origin, text(HOST)))
    }
}

/// All routes. Each is boxed, since the types of warp's filters grow with every combination.
pub fn routes(http: &Arc<Http>) -> BoxedFilter<(Response,)> {
    let answers = warp::path!("api" / ..).and(accounts(http).or(reading(http)).unify()).map(settle).boxed();
    let get = warp::get().and(with(http)).boxed();
    let healthz = warp::path!("healthz").and(get.clone()).map(|_| plain("alive\n")).boxed();
    let readyz = warp::path!("readyz")
        .and(get.clone())
        .and(is_near(http))
        .map(|http: Arc<Http>, near| http.readyz(near));
    let readyz = readyz.boxed();
    let metrics = warp::path!("metrics")
        .and(get.clone())
        .and(is_near(http))
        .map(|http: Arc<Http>, near| http.metrics(near));
    let metrics = metrics.boxed();
    let socket = warp::path!("socket").and(get.clone()).and(headers_cloned()).and(cookie(http));
    let shake = warp::ext::get::<Peer>().and(warp::ext::get::<Arc<Place>>()).and(warp::ext::optional());
    let shake = shake.and(query());
    let shake = shake.map(|peer, place, upgrade, query| socket::Shake { peer, place, upgrade, query });
    let socket = socket.and(shake).then(socket::open).boxed();
    let asset = warp::path!("assets" / String / ..).and(warp::path::tail()).and(get.clone());
    let asset = asset.and(headers_cloned()).then(Http::asset).boxed();
    let page = warp::path::full()
        .and(get)
        .and(headers_cloned())
        .map(|path, http: Arc<Http>, headers| http.page(&path, &headers))
        .boxed();
    let all = either!(answers, healthz, readyz, metrics, socket, asset, page);
    all.recover(refuse).unify().boxed()
}

type Answers = BoxedFilter<(Result<Response, Failure>,)>;

/// What changes an account, by the name behind `/api/`: nothing but POST asks it.
const CHANGES: [&str; 7] = ["signup", "login", "guest", "logout", "password", "upgrade", "delete"];

/// A refusal of a method that an address does not have.
pub fn wrong_method(method: &Method, path: &str) -> Option<Failure> {
    let name = path.strip_prefix("/api/").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let changes = name.is_some_and(|name| CHANGES.contains(&name));
    let (fits, methods) = if changes {
        (method == Method::POST, "POST")
    } else {
        (method == Method::GET || method == Method::HEAD, "GET, HEAD")
    };
    let words = || format!("That address takes {methods} only.");
    let refused = || Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method", words());
    (!fits).then(|| refused().with(ALLOW, HeaderValue::from_static(methods)))
}

/// What changes an account.
fn accounts(http: &Arc<Http>) -> Answers {
    let post = own_post(http);
    let peer = || warp::ext::get::<Peer>();
    let signed = || post.clone().and(peer()).and(cookie(http));
    either!(
        warp::path!("signup")
            .and(post.clone())
            .and(peer())
            .and(warp::body::json())
            .then(Http::sign_up)
            .boxed(),
        warp::path!("login")
            .and(post.clone())
            .and(peer())
            .and(shown(http))
            .and(warp::body::json())
            .then(Http::log_in)
            .boxed(),
        warp::path!("guest").and(signed()).then(Http::guest).boxed(),
        warp::path!("logout").and(signed()).then(Http::log_out).boxed(),
        warp::path!("password").and(signed()).and(warp::body::json()).then(Http::change_password).boxed(),
        warp::path!("upgrade").and(signed()).and(warp::body::json()).then(Http::upgrade).boxed(),
        warp::path!("delete").and(signed()).and(warp::body::json()).then(Http::delete).boxed(),
    )
}

/// What only reads.
fn reading(http: &Arc<Http>) -> Answers {
    let get = warp::get().and(with(http)).boxed();
    let game = warp::path!("game" / String).and(query());
    let game = game.and(get.clone()).and(headers_cloned());
    either!(
        warp::path!("me").and(get.clone()).and(cookie(http)).then(Http::me).boxed(),
        warp::path!("player" / String).and(get.clone()).and(query()).then(Http::player).boxed(),
        game.then(Http::game).boxed(),
        warp::path!("games").and(get).and(query()).then(Http::games).boxed(),
    )
}

fn query() -> BoxedFilter<(Query,)> {
    warp::query::raw().or(warp::any().map(String::new)).unify().map(Query).boxed()
}

fn with(http: &Arc<Http>) -> BoxedFilter<(Arc<Http>,)> {
    let http = Arc::clone(http);
    warp::any().map(move || Arc::clone(&http)).boxed()
}

/// Whether a request may be told what is for operators only: it comes from this machine itself, by no balancer, and they have
/// no listener of their own.
fn is_near(http: &Arc<Http>) -> BoxedFilter<(bool,)> {
    let http = Arc::clone(http);
    let judge = move |Caller(caller): Caller, headers: HeaderMap| {
        let config = &http.app.config;
        let passed_on = config.trust_forwarded || headers.keys().any(|name| names_a_client(name.as_str()));
        let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let near = caller.to_canonical().is_loopback() && host.is_some_and(origin::is_loopback_host);
        config.ops_listen.is_none() && near && !passed_on
    };
    warp::ext::get::<Caller>().and(headers_cloned()).map(judge).boxed()
}

/// Whether a header is one by which balancers tell for whom they ask.
fn names_a_client(header: &str) -> bool {
    const OTHERS: [&str; 6] =
        ["forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip", "x-envoy-external-address"];
    header.starts_with("x-forwarded")
        || header.starts_with("x-original-")
        || header.ends_with("-client-ip")
        || OTHERS.contains(&header)
}

fn cookie(http: &Arc<Http>) -> BoxedFilter<(Option<String>,)> {
    let read = async |headers: HeaderMap, http: Arc<Http>| http.shown_cookie(&headers).await;
    headers_cloned().and(with(http)).then(read).boxed()
}

/// Which logins and accounts a browser shows.
fn shown(http: &Arc<Http>) -> BoxedFilter<(login::Shown,)> {
    let known = async |cookie, headers: HeaderMap, http: Arc<Http>| {
        let known = http.known_accounts(&headers);
        login::Shown { cookie, known }
    };
    cookie(http).and(headers_cloned()).and(with(http)).then(known).boxed()
}

/// A request that changes something: from a page of this site, with a short body.
fn own_post(http: &Arc<Http>) -> BoxedFilter<(Arc<Http>,)> {
    let own = {
        let http = Arc::clone(http);
        headers_cloned().and_then(move |headers: HeaderMap| {
            let own = http.is_own_origin(&headers);
            async move { if own { Ok(()) } else { Err(warp::reject::custom(ForeignOrigin)) } }
        })
    };
    let short = warp::body::content_length_limit(BODY_MAX);
    warp::post().and(own).untuple_one().and(short).and(with(http)).boxed()
}

/// A request that changes something came from another site.
#[derive(Debug)]
struct ForeignOrigin;

impl warp::reject::Reject for ForeignOrigin {}

fn settle(answer: Result<Response, Failure>) -> Response {
    answer.unwrap_or_else(Failure::into_response)
}

fn plain(words: impl Into<String>) -> Response {
    answer::typed(words.into(), "text/plain; charset=utf-8", "no-store")
}

/// What no route took.
async fn refuse(rejection: Rejection) -> Result<Response, Infallible> {
    use warp::filters::body::BodyDeserializeError;
    use warp::reject::{LengthRequired, PayloadTooLarge, UnsupportedMediaType};
    if let Some(error) = rejection.find::<BodyDeserializeError>() {
        let error = error.source().and_then(|error| error.downcast_ref::<serde_json::Error>());
        let fault = error.filter(|error| error.is_data()).map(ToString::to_string);
        // Without the place in the text.
        let fault =
            fault.as_deref().and_then(|fault| fault.split(" at line ").next()).unwrap_or("it is no JSON");
        let words = format!("The body is not what was expected: {fault}.");
        return Ok(Failure::new(StatusCode::BAD_REQUEST, "malformed", words).into_response());
    }
    if rejection.find::<PayloadTooLarge>().is_some() {
        let words = format!("A body has at most {BODY_MAX} bytes.");
        return Ok(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", words).into_response());
    }
    let (status, code, words) = if rejection.find::<ForeignOrigin>().is_some() {
        (StatusCode::FORBIDDEN, "foreign_origin", "That request comes from another site.")
    } else if rejection.find::<LengthRequired>().is_some() {
        (StatusCode::LENGTH_REQUIRED, "length_required", "The request has to say how long it is.")
    } else if rejection.find::<UnsupportedMediaType>().is_some() {
        let words = "The body has to be JSON, with the header `Content-Type: application/json`.";
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", words)
    } else if rejection.is_not_found() {
        (StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
    } else {
        (StatusCode::BAD_REQUEST, "malformed", "That is not what was expected.")
    };
    Ok(Failure::new(status, code, words).into_response())
}
