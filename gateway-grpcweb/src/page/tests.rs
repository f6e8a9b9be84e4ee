use std::os::unix::fs::symlink;

use proptest::prelude::*;

use super::*;

/// A built page in a folder of its own, gone when the test ends.
struct Site(PathBuf);

impl Site {
    fn new(name: &str) -> Self {
        let outer = std::env::temp_dir().join(format!("lyceum-page-{name}-{}", std::process::id()));
        fs::create_dir_all(outer.join("dist/assets")).unwrap();
        fs::write(outer.join("secret.txt"), "secret").unwrap();
        fs::write(outer.join("dist/index.html"), "<p>desk").unwrap();
        fs::write(outer.join("dist/favicon.svg"), "<svg/>").unwrap();
        fs::write(outer.join("dist/.env"), "secret").unwrap();
        fs::write(outer.join("dist/assets/index-BAbc1_-4.js"), "1").unwrap();
        fs::write(outer.join("dist/assets/plain.js"), "2").unwrap();
        symlink(outer.join("secret.txt"), outer.join("dist/link.txt")).unwrap();
        Self(outer)
    }

    async fn get(&self, path: &str, headers: &[(HeaderName, &str)]) -> Response<Bytes> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect();
        Page::new(self.0.join("dist")).serve(&Method::GET, path, &headers).await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn sends_the_smallest_form_that_the_browser_takes() {
    let site = Site::new("codings");
    let dist = site.0.join("dist");
    fs::write(dist.join("index.html.br"), "brotli").unwrap();
    fs::write(dist.join("index.html.gz"), "gzip").unwrap();
    for (accepted, coding, body) in [
        ("gzip, deflate, br", Some("br"), "brotli"),
        ("br;q=0, gzip;q=0.5", Some("gzip"), "gzip"),
        ("identity", None, "<p>desk"),
    ] {
        let response = site.get("/", &[(ACCEPT_ENCODING, accepted)]).await;
        let named = response
            .headers()
            .get(CONTENT_ENCODING)
            .map(|name| name.to_str().unwrap());
        assert_eq!((named, &response.body()[..]), (coding, body.as_bytes()), "{accepted}");
        assert_eq!(response.headers()[VARY], "accept-encoding");
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    }
    let plain = site.get("/favicon.svg", &[(ACCEPT_ENCODING, "br, gzip")]).await;
    assert_eq!(
        plain.headers().get(CONTENT_ENCODING),
        None,
        "nothing compressed lies beside it"
    );
}

#[tokio::test]
async fn serves_files_with_their_types() {
    let site = Site::new("types");
    for (path, kind, body) in [
        ("/", "text/html; charset=utf-8", "<p>desk"),
        ("/index.html", "text/html; charset=utf-8", "<p>desk"),
        ("/favicon.svg", "image/svg+xml", "<svg/>"),
        ("/assets/index-BAbc1_-4.js", "text/javascript; charset=utf-8", "1"),
    ] {
        let response = site.get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()[CONTENT_TYPE], kind);
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(
            response.headers()[CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .contains("default-src 'none'")
        );
        assert_eq!(response.body(), body);
    }
}

#[tokio::test]
async fn only_hashed_assets_are_kept() {
    let site = Site::new("cache");
    for (path, keep) in [
        ("/assets/index-BAbc1_-4.js", FOR_EVER),
        ("/assets/plain.js", ASK_AGAIN),
        ("/", ASK_AGAIN),
    ] {
        assert_eq!(site.get(path, &[]).await.headers()[CACHE_CONTROL], keep, "{path}");
    }
}

#[tokio::test]
async fn a_known_tag_gets_no_body() {
    let site = Site::new("tags");
    let tag = site.get("/", &[]).await.headers()[ETAG].to_str().unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let response = site.get("/", &[(IF_NONE_MATCH, &known)]).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert!(response.body().is_empty());
        assert_eq!(response.headers()[ETAG], tag.as_str());
    }
    assert_eq!(
        site.get("/", &[(IF_NONE_MATCH, "\"other\"")]).await.status(),
        StatusCode::OK
    );
    fs::write(site.0.join("dist/index.html"), "<p>new").unwrap();
    assert_eq!(site.get("/", &[(IF_NONE_MATCH, &tag)]).await.body(), "<p>new");
}

#[tokio::test]
async fn deep_links_get_the_page_and_lost_files_do_not() {
    let site = Site::new("links");
    for path in ["/desk", "/fabric/writing-analysis", "/desk/my%20essay", "/assets"] {
        let response = site.get(path, &[(ACCEPT, "text/html,application/xhtml+xml")]).await;
        assert_eq!(response.body(), "<p>desk", "{path}");
        assert_eq!(response.headers()[CACHE_CONTROL], ASK_AGAIN);
    }
    assert_eq!(
        site.get("/desk", &[(ACCEPT, "image/png")]).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        site.get("/assets/gone-12345678.js", &[]).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn nothing_leads_out_of_the_folder() {
    let site = Site::new("escape");
    for path in [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/..\\secret.txt",
        "//etc/passwd",
        "/etc/passwd",
        "/./../secret.txt",
        "/link.txt",
        "/.env",
        "/assets/.%00.txt",
    ] {
        let response = site.get(path, &[(ACCEPT, "text/html")]).await;
        assert!(
            response.status() == StatusCode::NOT_FOUND || response.body() == "<p>desk",
            "{path}"
        );
    }
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let site = Site::new("head");
    let response = Page::new(site.0.join("dist"))
        .serve(&Method::HEAD, "/", &HeaderMap::new())
        .await;
    assert_eq!(response.headers()[CONTENT_LENGTH], "7");
    assert!(response.body().is_empty());
}

#[tokio::test]
async fn a_page_that_is_not_built_says_how() {
    let site = Site::new("missing");
    let empty = Page::new(site.0.join("nowhere"));
    for page in [empty, Page::new(&site.0)] {
        let response = page.serve(&Method::GET, "/", &HeaderMap::new()).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(std::str::from_utf8(response.body()).unwrap().contains("make page"));
    }
}

proptest! {
    /// Whatever is asked for, a path stays below the folder.
    #[test]
    fn a_plain_path_has_plain_parts(path in "/[a-zA-Z0-9./%\\\\~ _-]{0,40}") {
        if let Some(plain) = plain(&path) {
            prop_assert!(plain.is_relative());
            for part in plain.components() {
                prop_assert!(matches!(part, std::path::Component::Normal(_)));
            }
        }
    }
}
