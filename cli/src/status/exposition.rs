//! OpenMetrics text, as far as Lyceum's processes write it: one sample a line, nothing but names, labels and numbers.
//!
//! What comes from another process is believed only whole: a text without its end mark was cut off, a line that is none
//! makes all of it unusable. Exemplars and timestamps, which nobody here writes, are refused too. When not: histograms
//! have samples like everybody else's here; to compute with them is Prometheus's business.
//! Source: the OpenMetrics specification 1.0.

/// One line: a name, its labels, its value.
#[derive(Debug, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    labels: Vec<(&'a str, String)>,
    pub(super) value: f64,
}

/// Why a text is not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("its metrics do not end with \"# EOF\": they were cut off, or are none")]
    CutOff,
    #[error("line {0} of its metrics is no sample")]
    Line(usize),
}

/// Every sample whose name begins with `prefix`.
pub(super) fn samples<'a>(text: &'a str, prefix: &str) -> Result<Vec<Sample<'a>>, Error> {
    let body = text.strip_suffix("# EOF\n").ok_or(Error::CutOff)?;
    body.lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with(prefix))
        .map(|(index, line)| sample(line).ok_or(Error::Line(index + 1)))
        .collect()
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, quoted) = rest.split_once("=\"")?;
            let (value, after) = unquoted(quoted)?;
            labels.push((label, value));
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    Some(Sample { name, labels, value })
}

/// What stands before the closing quotation mark, and what comes after it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    loop {
        match characters.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            (_, other) => value.push(other),
        }
    }
}

// === impl Sample ===

impl Sample<'_> {
    /// A label's value.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(label, _)| *label == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

    use prometheus_client::encoding::text::encode;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn what_the_encoder_writes_is_read_back() {
        let odd = "a \"quoted\\ name\",}\n=";
        let family = Family::<Vec<(String, String)>, Gauge>::default();
        let labels = [("callee", odd), ("instance", "é-1")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        family.get_or_create(&labels.to_vec()).set(-7);
        let mut registry = Registry::default();
        registry.register("lyceum_thing", "Help with lyceum_thing 1", family);
        registry.register("other", "Not wanted", Gauge::<i64>::default());
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let found = samples(&text, "lyceum_").unwrap();
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].name, "lyceum_thing");
        assert_eq!(found[0].label("callee"), Some(odd));
        assert_eq!(found[0].label("instance"), Some("é-1"));
        assert_eq!(found[0].label("zone"), None);
        assert!((found[0].value + 7.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_text_is_believed_whole_or_not_at_all() {
        assert_eq!(samples("lyceum_a 1\n", "lyceum_"), Err(Error::CutOff));
        assert_eq!(samples("", "lyceum_"), Err(Error::CutOff));
        assert!(samples("# EOF\n", "lyceum_").unwrap().is_empty());
        for wrong in [
            "lyceum_a",
            "lyceum_a one",
            "lyceum_a{b=\"c} 1",
            "lyceum_a{b=c} 1",
            "lyceum_a{b=\"c\" 1",
            "lyceum_a{b=\"c\"}1",
            "lyceum_a 1 2",
            "lyceum_a{",
        ] {
            assert_eq!(
                samples(&format!("# HELP x\n{wrong}\n# EOF\n"), "lyceum_"),
                Err(Error::Line(2)),
                "{wrong}"
            );
        }
        assert_eq!(
            samples("lyceum_a{} 2.5e3\n# EOF\n", "lyceum_").unwrap()[0].value,
            2500.0
        );
    }
}
