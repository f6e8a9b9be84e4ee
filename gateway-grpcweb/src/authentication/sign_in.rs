//! `/gateway/session`: signing in, being told who one is, signing out.
//!
//! POST exchanges a token for a session, or, in development, makes one for somebody made up: `{"role": "student"}`. GET
//! tells who the caller is and the token that the page's requests repeat. DELETE ends the session. Answers are JSON;
//! errors are `google.rpc.Status` in JSON. An API key makes no session: it is a program's, and a cookie is a browser's.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ORIGIN, SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt as _;
use lyceum::error::Error as Refusal;
use lyceum::principal::{Principal, Role};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use tonic::{Code, Status};

use super::moment::Moment;
use super::origin::{self, From};
use super::refusals::unauthenticated;
use super::session::{self, Session, forget_cookie, set_cookie};
use super::{Authentication, Proof, Shown, development};
use crate::json::failure;
use crate::status;

/// Where it is.
pub(crate) const PATH: &str = "/gateway/session";

/// More than anybody needs to name a role.
const BODY: usize = 4096;
const BODY_WITHIN: Duration = Duration::from_secs(5);

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Who wants to be whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    role: String,
}

impl Authentication {
    /// Answers a request for [`PATH`].
    pub(crate) async fn sign_in<B>(&self, body: B, shown: Shown<'_>) -> Response<Bytes>
    where
        B: Body<Data = Bytes> + Send + Unpin,
    {
        let answer = match *shown.method {
            Method::GET | Method::HEAD => self.tell(shown).await,
            Method::POST => self.begin(body, shown).await,
            Method::DELETE => self.end(shown).await,
            _ => {
                let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, &json!({}), None);
                let methods = HeaderValue::from_static("GET, POST, DELETE");
                response.headers_mut().insert(ALLOW, methods);
                return response;
            }
        };
        let mut response = answer.unwrap_or_else(|refusal| refused(&refusal));
        if shown.method == Method::HEAD {
            response.body_mut().clear();
        }
        response
    }

    /// Who the caller is. A session that is over is no error here: whoever asks wants to know just that.
    async fn tell(&self, shown: Shown<'_>) -> Result<Response<Bytes>, Refusal> {
        let by_header = shown.headers.contains_key(super::API_KEY) || !matches!(self.bearer(shown.headers), Ok(None));
        let session = match self.session(shown).filter(|_| !by_header) {
            Some(Ok((session, _))) => Some(session),
            Some(Err(refusal)) => {
                let mut body = self.nobody_yet();
                body["reason"] = refusal.reason().into();
                return Ok(answer(StatusCode::OK, &body, Some(forget_cookie(is_secure(shown)))));
            }
            None => None,
        };
        let identified = self.identify(shown).await?;
        if identified.caller.proof == Proof::Nothing {
            return Ok(answer(StatusCode::OK, &self.nobody_yet(), None));
        }
        let body = self.described(&identified.caller.principal, &identified.caller.proof, session.as_ref());
        Ok(answer(StatusCode::OK, &body, identified.cookie))
    }

    async fn begin<B>(&self, body: B, shown: Shown<'_>) -> Result<Response<Bytes>, Refusal>
    where
        B: Body<Data = Bytes> + Send + Unpin,
    {
        let Ok(Some(wanted)) = timeout(BODY_WITHIN, whole(body)).await else {
            return Err(Refusal::invalid_argument(
                "BODY_INVALID",
                format!("the body must come within {BODY_WITHIN:?} and have at most {BODY} bytes"),
            ));
        };
        if origin::of(shown.headers, shown.uri) == From::Elsewhere {
            return Err(unauthenticated(
                "CSRF_ORIGIN",
                "a session begins from the page itself, and this request comes from elsewhere",
            ));
        }
        let Some((sessions, _)) = &self.sessions else {
            return Err(Refusal::failed_precondition(
                "SESSIONS_OFF",
                "this gateway has no sessions: gateway.authentication.session_key names the key that they need",
            ));
        };
        let principal = if self.bearer(shown.headers)?.is_some() {
            let caller = self.identify(shown).await?.caller;
            if caller.proof != Proof::Token {
                return Err(Refusal::failed_precondition(
                    "KEY_NO_SESSION",
                    "an API key makes no session: send it with each call",
                ));
            }
            caller.principal
        } else if wanted.trim_ascii().is_empty() {
            return Err(unauthenticated(
                "CREDENTIAL_MISSING",
                "send the token of an issuer that is trusted here: authorization: Bearer …",
            ));
        } else {
            std::sync::Arc::new(self.made_up(&wanted)?)
        };
        let now = Moment::now();
        let made = sessions
            .begin(&principal, now)
            .and_then(|session| Ok((sessions.seal(&session)?, session)));
        let (value, session) = made.map_err(|error| {
            tracing::error!(%error, "a session cannot be made");
            Refusal::new(Code::Internal, "SESSION_FAILED", "the session cannot be made")
        })?;
        if value.len() > session::ROOM {
            return Err(Refusal::failed_precondition(
                "SESSION_TOO_LARGE",
                "the token names more students and classes than a cookie has room for",
            ));
        }
        let cookie = set_cookie(&value, session.expires(), is_secure(shown), now);
        let body = self.described(&principal, &Proof::Session, Some(&session));
        Ok(answer(StatusCode::OK, &body, Some(cookie)))
    }

    /// Somebody made up, for development.
    fn made_up(&self, wanted: &[u8]) -> Result<Principal, Refusal> {
        if !self.development {
            return Err(Refusal::failed_precondition(
                "DEVELOPMENT_OFF",
                "only a gateway with gateway.authentication.development makes people up: sign in with a token",
            ));
        }
        let Wanted { role } = serde_json::from_slice(wanted).map_err(|_| {
            Refusal::invalid_argument("BODY_INVALID", "the body must be such as {\"role\": \"student\"}")
        })?;
        let role = role
            .parse::<Role>()
            .map_err(|error| Refusal::invalid_argument("ROLE_UNKNOWN", error.to_string()))?;
        Ok(development::person(role))
    }

    async fn end(&self, shown: Shown<'_>) -> Result<Response<Bytes>, Refusal> {
        let forget = forget_cookie(is_secure(shown));
        let Some((sessions, ended)) = &self.sessions else {
            return Ok(answer(StatusCode::OK, &self.nobody_yet(), None));
        };
        // One that is over is as good as ended.
        if let Some(Ok((session, _))) = self.session(shown) {
            origin::check(shown.method, shown.uri, shown.headers, &session.csrf)?;
            let forgotten = sessions.forgotten(&session, Moment::now());
            if let Err(error) = ended.end(&session.id, forgotten).await {
                tracing::warn!(%error, "a session was ended here, and consul could not be told: the other gateways still take it");
            }
        }
        Ok(answer(StatusCode::OK, &self.nobody_yet(), Some(forget)))
    }

    fn nobody_yet(&self) -> Value {
        json!({ "signed_in": false, "sessions": self.sessions.is_some(), "development": self.development })
    }

    fn described(&self, principal: &Principal, proof: &Proof, session: Option<&Session>) -> Value {
        let mut told = self.nobody_yet();
        let facts = json!({
            "signed_in": true,
            "proof": proof.name(),
            // It is told to whoever it is, and to nobody else.
            "subject": principal.subject().expose(),
            "roles": principal.roles().iter().map(Role::name).collect::<Vec<_>>(),
            "students": principal.students().expose(),
            "classes": principal.classes().expose(),
            "expires": session
                .map(Session::expires)
                .or_else(|| principal.expires().map(Moment::from)),
            "csrf": session.map(|session| &session.csrf),
        });
        if let (Some(told), Value::Object(facts)) = (told.as_object_mut(), facts) {
            told.extend(facts);
        }
        told
    }
}

/// A body that is no longer than it may be.
async fn whole<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            if bytes.len() + data.len() > BODY {
                return None;
            }
            bytes.extend_from_slice(&data);
        }
    }
    Some(bytes)
}

/// Whether the browser is on an encrypted connection: to this gateway, or by its own word to whatever stands before it.
fn is_secure(shown: Shown<'_>) -> bool {
    shown.secure
        || shown
            .headers
            .get(ORIGIN)
            .is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

fn answer(status: StatusCode, body: &Value, cookie: Option<HeaderValue>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}

/// An error, as REST callers read it.
pub(crate) fn refused(refusal: &Refusal) -> Response<Bytes> {
    let told = Status::from(refusal.clone());
    let status = status::http(told.code());
    let body = failure::object(&told);
    let mut response = answer(status, &body, None);
    if status == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, bearer);
    }
    response
}
