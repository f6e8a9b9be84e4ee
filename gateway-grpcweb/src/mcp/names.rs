//! What a method is called as a tool.
//!
//! Models' makers allow letters, digits, `_` and `-`, 64 of them, so a method's full name does not fit. It is the
//! service's name and the method's, `writing_analysis_analyze_writing`, and the version from the second on. Two that
//! come out the same both get a mark made of their full names, so that a name never depends on what else is there
//! alone by order. Source: the tool names of MCP, and of the programming interfaces that models are called by.

use std::collections::HashMap;
use std::fmt::Write as _;

use ring::digest;

/// The longest name that every model's maker takes.
const LONGEST: usize = 64;

/// A name for each of these paths (`/package.Service/Method`), in their order.
pub(super) fn of(paths: &[&str]) -> Vec<String> {
    let plain: Vec<String> = paths.iter().map(|path| name(path)).collect();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for name in &plain {
        *seen.entry(name).or_default() += 1;
    }
    paths
        .iter()
        .zip(&plain)
        .map(|(path, name)| {
            if name.len() > LONGEST || seen.get(name.as_str()).is_some_and(|count| *count > 1) {
                marked(name, path)
            } else {
                name.clone()
            }
        })
        .collect()
}

/// `EvaluateReflection` as `Evaluate reflection`.
pub(super) fn title(method: &str) -> String {
    let mut title = snake(method).replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

fn name(path: &str) -> String {
    let (service, method) = path.trim_start_matches('/').rsplit_once('/').unwrap_or((path, ""));
    let mut parts = service.rsplit('.');
    let own = parts.next().unwrap_or_default();
    let own = own.strip_suffix("Service").filter(|own| !own.is_empty()).unwrap_or(own);
    let version = parts.next().filter(|part| is_version(part) && *part != "v1");
    let mut name = format!("{}_{}", snake(own), snake(method));
    if let Some(version) = version {
        name.push('_');
        name.push_str(version);
    }
    name
}

/// Whether a part of a package is one such as `v2` or `v1beta1`.
fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_digit()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 8);
    for (index, letter) in letters.iter().enumerate() {
        let begins = letter.is_ascii_uppercase()
            && index > 0
            && (!letters[index - 1].is_ascii_uppercase()
                || letters.get(index + 1).is_some_and(char::is_ascii_lowercase));
        if begins && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(if letter.is_ascii_alphanumeric() {
            letter.to_ascii_lowercase()
        } else {
            '_'
        });
    }
    snake
}

fn marked(name: &str, path: &str) -> String {
    const MARK: usize = 9;
    let mut marked: String = name.chars().take(LONGEST - MARK).collect();
    marked.push('_');
    for byte in &digest::digest(&digest::SHA256, path.as_bytes()).as_ref()[..4] {
        // A string takes whatever is written into it.
        let _ = write!(marked, "{byte:02x}");
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_say_what_they_are() {
        assert_eq!(
            of(&[
                "/lyceum.writing_analysis.v1.WritingAnalysisService/AnalyzeWriting",
                "/lyceum.writing_analysis.v2.WritingAnalysisService/AnalyzeWriting",
                "/lyceum.ai_validator.v1.EducationalAiValidatorService/DecideAccess",
                "/acme.HTTPServer/GetURL",
                "/Service/Do",
            ]),
            [
                "writing_analysis_analyze_writing",
                "writing_analysis_analyze_writing_v2",
                "educational_ai_validator_decide_access",
                "http_server_get_url",
                "service_do",
            ]
        );
        assert_eq!(title("EvaluateReflection"), "Evaluate reflection");
    }

    #[test]
    fn equal_and_long_names_are_told_apart() {
        let long = format!("/one.{}/{}", "A".repeat(90), "B".repeat(90));
        let names = of(&["/one.Same/Do", "/two.Same/Do", &long]);
        assert_ne!(names[0], names[1]);
        assert_eq!(names[0], of(&["/one.Same/Do", "/three.Same/Do"])[0]);
        for name in names {
            assert!(name.len() <= LONGEST);
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        }
    }
}
