//! The page: built files of one folder, and nothing else.
//!
//! **What.** Files with their content types and entity tags, compressed where the build left a compressed form beside
//! them and the browser takes it; hashed assets that a browser keeps for ever; `index.html`
//! for the page's own deep links; the headers that keep other sites' scripts out. A folder that is not there is said
//! so, with the command that makes it.
//!
//! **Why.** A path is never joined as it comes: each of its parts must be a plain name that does not begin with a dot,
//! and what is found must lie in the folder after every link is followed. So no encoding of `..` can lead out.
//!
//! **When not.** For a busy public site: put a cache in front. Files are read anew for each request, so that a page
//! that is built again is served at once.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

/// Everything from this origin alone; styles may stand in attributes, as charts position their marks with them.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

const GUARDS: [(HeaderName, HeaderValue); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
const KEEP_NOTHING: HeaderValue = HeaderValue::from_static("no-store");

const INDEX: &str = "index.html";

/// A compressed form of a file: the ending that the build gives it, and its name in HTTP. Smallest first.
type Coding = (&'static str, &'static str);
const CODINGS: [Coding; 2] = [("br", "br"), ("gz", "gzip")];

/// A page's largest file; anything larger is no page.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;

/// The folder of a built page.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    folder: PathBuf,
}

/// What a path leads to.
enum Found {
    File {
        name: PathBuf,
        coding: Option<&'static str>,
        bytes: Vec<u8>,
    },
    Nothing,
    NotBuilt,
}

// === impl Page ===

impl Page {
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Answers a GET or HEAD for any path.
    pub(crate) async fn serve(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response<Bytes> {
        let folder = self.folder.clone();
        let name = plain(path);
        let fallback = is_deep_link(path, headers);
        let codings = taken(headers);
        let found = tokio::task::spawn_blocking(move || find(&folder, name.as_deref(), fallback, &codings)).await;
        let mut response = match found {
            Ok(Ok(Found::File { name, coding, bytes })) => file(&name, coding, bytes, headers),
            Ok(Ok(Found::Nothing)) => message(StatusCode::NOT_FOUND, "There is nothing here."),
            Ok(Ok(Found::NotBuilt)) => message(
                StatusCode::SERVICE_UNAVAILABLE,
                "The page is not built. Run <code>make page</code>, then load this again. \
                 The services can be called all the same.",
            ),
            // The reason names a path of the server: it is the operator's to read, not the browser's.
            Ok(Err(error)) => {
                tracing::warn!(%error, "a file of the page cannot be read");
                message(StatusCode::INTERNAL_SERVER_ERROR, "A file of the page cannot be read.")
            }
            Err(_) => message(StatusCode::INTERNAL_SERVER_ERROR, "A file of the page cannot be read."),
        };
        let length = response.body().len();
        let headers = response.headers_mut();
        for (name, value) in GUARDS {
            headers.insert(name, value);
        }
        if method == Method::HEAD {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            response.body_mut().clear();
        }
        response
    }
}

/// A request's path as a path below the folder: plain names only, none of them hidden.
fn plain(path: &str) -> Option<PathBuf> {
    let path = path.strip_prefix('/')?;
    if path.is_empty() {
        return Some(PathBuf::from(INDEX));
    }
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b'~'))
    };
    path.split('/').all(is_plain).then(|| PathBuf::from(path))
}

/// Whether a path that is no file may be a place within the page: a browser asks for a document that has no extension.
fn is_deep_link(path: &str, headers: &HeaderMap) -> bool {
    let wants_document = headers.get(ACCEPT).is_none_or(|accept| {
        [&b"text/html"[..], b"*/*"]
            .iter()
            .any(|kind| contains(accept.as_bytes(), kind))
    });
    wants_document && !path.rsplit('/').next().unwrap_or_default().contains('.')
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The codings that a browser takes: named in `Accept-Encoding` and not refused with a weight of 0.
fn taken(headers: &HeaderMap) -> Vec<Coding> {
    let accepted: Vec<&str> = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|item| {
            let (name, weight) = item.split_once(';').unwrap_or((item, ""));
            let refused = weight
                .trim()
                .strip_prefix("q=")
                .is_some_and(|q| q.trim().parse() == Ok(0.0_f32));
            (!refused).then(|| name.trim())
        })
        .collect();
    CODINGS
        .into_iter()
        .filter(|(_, name)| accepted.contains(name))
        .collect()
}

fn find(folder: &Path, name: Option<&Path>, fallback: bool, codings: &[Coding]) -> io::Result<Found> {
    let Ok(folder) = folder.canonicalize() else {
        return Ok(Found::NotBuilt);
    };
    if !folder.join(INDEX).is_file() {
        return Ok(Found::NotBuilt);
    }
    let names = name.into_iter().chain(fallback.then_some(Path::new(INDEX)));
    for name in names {
        let Ok(path) = folder.join(name).canonicalize() else {
            continue;
        };
        if path.starts_with(&folder) && fs::metadata(&path)?.is_file() {
            if fs::metadata(&path)?.len() > FILE_LIMIT {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "a file is too large for a page",
                ));
            }
            for (ending, coding) in codings {
                let mut compressed = path.clone().into_os_string();
                compressed.push(format!(".{ending}"));
                match Path::new(&compressed).canonicalize() {
                    Ok(path) if path.starts_with(&folder) && path.is_file() => {
                        return Ok(Found::File {
                            name: name.to_owned(),
                            coding: Some(coding),
                            bytes: fs::read(&path)?,
                        });
                    }
                    _ => {}
                }
            }
            return Ok(Found::File {
                name: name.to_owned(),
                coding: None,
                bytes: fs::read(&path)?,
            });
        }
    }
    Ok(Found::Nothing)
}

fn file(name: &Path, coding: Option<&'static str>, bytes: Vec<u8>, headers: &HeaderMap) -> Response<Bytes> {
    let tag = tag(&bytes);
    let mut response = if headers.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags, &tag)) {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(Bytes::from(bytes));
        response.headers_mut().insert(CONTENT_TYPE, content_type(name));
        if let Some(coding) = coding {
            response
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    };
    response
        .headers_mut()
        .insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
    let keep = if is_hashed(name) { FOR_EVER } else { ASK_AGAIN };
    response.headers_mut().insert(CACHE_CONTROL, keep);
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The same bytes have the same tag, whenever and wherever they were built.
fn tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether `If-None-Match` names a tag; a proxy may have made it weak.
fn names(tags: &HeaderValue, tag: &str) -> bool {
    tags.to_str().is_ok_and(|tags| {
        tags.split(',')
            .map(str::trim)
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    })
}

/// Whether the name changes with the content: `assets/name-` and eight characters of a hash, as Vite names them.
fn is_hashed(name: &Path) -> bool {
    let stem = name
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default()
        .as_bytes();
    name.starts_with("assets")
        && stem
            .len()
            .checked_sub(9)
            .is_some_and(|dash| dash > 0 && stem[dash] == b'-')
}

fn content_type(name: &Path) -> HeaderValue {
    let extension = name
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    HeaderValue::from_static(match extension {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    })
}

/// A page that says one thing.
fn message(status: StatusCode, text: &str) -> Response<Bytes> {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Lyceum</title>\n<h1>Lyceum</h1>\n<p>{text}</p>\n</html>\n"
    );
    let mut response = Response::new(Bytes::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, KEEP_NOTHING);
    response
}

#[cfg(test)]
mod tests;
