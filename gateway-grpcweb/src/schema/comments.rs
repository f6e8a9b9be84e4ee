//! What the authors of a contract wrote above its services, methods, messages and fields.
//!
//! Why a table a file: a descriptor names its place in the file as a path of numbers, and the source information is a
//! list that would be searched from the start for each. When not: a service built without source information has no
//! comments; then there is nothing to tell. Source: `google/protobuf/descriptor.proto`, `SourceCodeInfo`.

use std::collections::HashMap;

use prost_reflect::FileDescriptor;

/// The longest comment that is told, in bytes: a descriptor comes from outside.
const LONGEST: usize = 8 * 1024;

/// Comments of the files that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Comments {
    files: HashMap<String, HashMap<Vec<i32>, String>>,
}

impl Comments {
    /// The comment at a place of a file, without the marks of a comment.
    pub(crate) fn at(&mut self, file: &FileDescriptor, path: &[i32]) -> Option<&str> {
        if !self.files.contains_key(file.name()) {
            self.files.insert(file.name().to_owned(), read(file));
        }
        self.files.get(file.name())?.get(path).map(String::as_str)
    }
}

fn read(file: &FileDescriptor) -> HashMap<Vec<i32>, String> {
    let Some(source) = &file.file_descriptor_proto().source_code_info else {
        return HashMap::new();
    };
    source
        .location
        .iter()
        .filter_map(|location| {
            let text = location.leading_comments.as_deref().unwrap_or_default();
            let text = match plain(text) {
                text if text.is_empty() => plain(location.trailing_comments.as_deref().unwrap_or_default()),
                text => text,
            };
            (!text.is_empty()).then(|| (location.path.clone(), text))
        })
        .collect()
}

/// The words alone: no indentation, no notes to tools, no more than [`LONGEST`].
fn plain(comment: &str) -> String {
    let mut end = comment.len().min(LONGEST);
    while !comment.is_char_boundary(end) {
        end -= 1;
    }
    let lines: Vec<&str> = comment[..end]
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .filter(|line| !line.trim_start().starts_with("buf:lint:"))
        .collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;

    #[test]
    fn a_comment_is_told_as_it_reads() {
        let pool = DescriptorPool::decode(lyceum::contracts::DESCRIPTORS).unwrap();
        let method = pool
            .get_service_by_name("lyceum.testing.v1.ProbeService")
            .unwrap()
            .methods()
            .find(|method| method.name() == "WatchProbe")
            .unwrap();
        let mut comments = Comments::default();
        assert_eq!(
            comments.at(&method.parent_file(), method.path()),
            Some("Streams replies, one after each delay.")
        );
        assert_eq!(comments.at(&method.parent_file(), &[99]), None);
    }

    #[test]
    fn marks_and_notes_to_tools_are_no_words() {
        assert_eq!(plain(" One.\n buf:lint:ignore THAT\n\n   - two\n"), "One.\n\n  - two");
        let long = "ä".repeat(LONGEST);
        assert!(plain(&long).len() <= LONGEST);
    }
}
