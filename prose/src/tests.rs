#![allow(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;

use super::*;
use crate::{language::Language, stem::content_stem};

fn sentences(text: &str) -> Vec<&str> {
    let prose = Prose::parse(text);
    prose
        .sentences
        .iter()
        .map(|sentence| prose.sentence_text(sentence))
        .collect()
}

fn words(text: &str) -> Vec<&str> {
    Prose::parse(text).words.iter().map(|word| word.text).collect()
}

#[test]
fn words_keep_their_inner_marks() {
    assert_eq!(
        words("Don't 'quote' well-known facts – 3.14, 1,000 or 5."),
        ["Don't", "quote", "well-known", "facts", "3.14", "1,000", "or", "5"]
    );
    assert_eq!(
        words("the students’ own U.S. state, e.g. Ohio"),
        ["the", "students", "own", "U.S", "state", "e.g", "Ohio"]
    );
    assert_eq!(
        words("cafe\u{301} naïve 日本 שלום"),
        ["cafe\u{301}", "naïve", "日本", "שלום"]
    );
    assert_eq!(
        words("rock-'n'-roll it ended.Then -x- a.b.c"),
        ["rock", "n", "roll", "it", "ended", "Then", "x", "a.b.c"]
    );
    assert!(words("👍🏽 … --- ''").is_empty());
}

#[test]
fn sentences_end_where_a_reader_says() {
    let cases: &[(&str, &[&str])] = &[
        (
            "Dr. Chen met Mrs. Patel at 5.30 p.m. in Leeds. They talked.",
            &["Dr. Chen met Mrs. Patel at 5.30 p.m. in Leeds.", "They talked."],
        ),
        (
            "He lived in the U.S. Army base. It was in the U.S. The end.",
            &["He lived in the U.S. Army base.", "It was in the U.S.", "The end."],
        ),
        (
            "Salts, e.g. sodium chloride, dissolve. So do sugars, etc. They mix.",
            &[
                "Salts, e.g. sodium chloride, dissolve.",
                "So do sugars, etc.",
                "They mix.",
            ],
        ),
        (
            "\"Why?\" she asked. \"Because.\" He left.",
            &["\"Why?\" she asked.", "\"Because.\"", "He left."],
        ),
        (
            "It failed (badly.) Then it worked!",
            &["It failed (badly.)", "Then it worked!"],
        ),
        (
            "I waited... and waited… Nothing came.",
            &["I waited... and waited…", "Nothing came."],
        ),
        (
            "J. K. Rowling wrote it. So did I. We need vitamin C. They do too.",
            &[
                "J. K. Rowling wrote it.",
                "So did I.",
                "We need vitamin C.",
                "They do too.",
            ],
        ),
        (
            "See Fig. 2 and No. 5. No. I will not.",
            &["See Fig. 2 and No. 5.", "No.", "I will not."],
        ),
        (
            "1. First we pour. 2. Then we stir.",
            &["1. First we pour.", "2. Then we stir."],
        ),
        ("My Holiday\nIt rained a lot", &["My Holiday", "It rained a lot"]),
        (
            "it stopped.Then it began. see example.com now",
            &["it stopped.", "Then it began.", "see example.com now"],
        ),
        ("Really?! Yes!!! 🎉🎉 Good.", &["Really?!", "Yes!!!", "🎉🎉 Good."]),
        ("Done. 🎉", &["Done. 🎉"]),
        ("The value is 3. 5 is next.", &["The value is 3.", "5 is next."]),
        ("\r\n\r\n  ***  \r\n", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(&sentences(text), expected, "{text}");
    }
}

#[test]
fn paragraphs_skip_lines_without_words() {
    let prose = Prose::parse("One. Two.\n\n***\n\u{2029}Three.");
    assert_eq!(prose.paragraphs.len(), 2);
    assert_eq!(prose.paragraphs[0].sentences, 0..2);
    assert_eq!(prose.sentences[2].paragraph, 1);
}

#[test]
fn quotations_are_found() {
    let text = "He said “it is late” and \"we go\".\n> copied line\n5\" pipe";
    let prose = Prose::parse(text);
    let quoted: Vec<String> = prose
        .quotations
        .iter()
        .map(|span| {
            text.chars()
                .skip(span.start as usize)
                .take(span.len() as usize)
                .collect()
        })
        .collect();
    assert_eq!(quoted, ["“it is late”", "\"we go\"", "> copied line"]);
    assert!(prose.quoted(Span::new(10, 12)) && !prose.quoted(Span::new(0, 3)));
}

#[test]
fn stems_fold_inflections() {
    for group in [
        &["revision", "revisions", "Revision's"][..],
        &["study", "studies", "studied", "studying"],
        &["hope", "hoped", "hopes", "hoping"],
        &["stop", "stopped", "stopping", "stops"],
        &["argue", "argued", "arguing", "argues"],
        &["create", "creation", "created"],
        &["quick", "quickly", "QUICKNESS"],
    ] {
        let stems: std::collections::HashSet<_> = group
            .iter()
            .map(|word| content_stem(word).unwrap().into_owned())
            .collect();
        assert_eq!(stems.len(), 1, "{group:?} → {stems:?}");
    }
    for word in ["The", "don’t", "x", "2024", "were"] {
        assert_eq!(content_stem(word), None, "{word}");
    }
}

#[test]
fn stop_words_are_sorted() {
    assert!(stem::STOP_WORDS.is_sorted());
    assert!(stem::STOP_WORDS.iter().all(|word| stem::is_stop_word(word)));
}

#[test]
fn languages() {
    let cases = [
        (
            "The water cycle is driven by the sun, and it never stops moving between sea and sky.",
            Language::English,
        ),
        (
            "Der Wasserkreislauf wird von der Sonne angetrieben und bewegt das Wasser ständig zwischen Meer und Himmel.",
            Language::Other { code: "deu" },
        ),
        (
            "El ciclo del agua es impulsado por el sol y nunca deja de moverse entre el mar y el cielo azul.",
            Language::Other { code: "spa" },
        ),
        (
            "Le cycle de l'eau est entraîné par le soleil et ne cesse jamais de circuler entre la mer et le ciel.",
            Language::Other { code: "fra" },
        ),
        (
            "Круговорот воды приводится в движение солнцем и никогда не прекращается между морем и небом.",
            Language::Other { code: "rus" },
        ),
        (
            "水循环由太阳驱动,从不停止在海洋和天空之间的运动,这是一个重要的自然过程。",
            Language::Other { code: "cmn" },
        ),
        ("Hola amigo", Language::Undecided),
        ("12345 67890 !!!", Language::Undecided),
        ("", Language::Undecided),
    ];
    for (text, expected) in cases {
        assert_eq!(language::detect(text), expected, "{text}");
    }
}

#[test]
fn honest_english_is_never_refused() {
    for text in [
        "Photosynthesis: chlorophyll, stomata, glucose, oxygen, carbon dioxide, chloroplasts, xylem, phloem, cellulose.",
        "Yesterday me go market with mother, buy fish, buy rice, cook dinner, very nice day, family happy, I happy too.",
        "Napoleon Bonaparte, Josephine de Beauharnais, Charles Maurice de Talleyrand-Périgord, Michel Ney, Joachim Murat.",
        "Silent snow. Pale moon. Cold river, cold stone. Wolves howl; pines answer. Winter walks alone, wearing white.",
        "My favourite song says \"la vie en rose, quand il me prend dans ses bras\", which made me think about my aunt.",
        "for (let i = 0; i < n; i++) { console.log(values[i]); } return values.map(x => x * 2).filter(Boolean);",
    ] {
        assert!(!matches!(language::detect(text), Language::Other { .. }), "{text}");
    }
}

#[test]
fn other_languages_are_told() {
    for (code, text) in [
        (
            "ita",
            "Il ciclo dell'acqua è mosso dal sole e non smette mai di circolare tra il mare, il cielo e la terra.",
        ),
        (
            "por",
            "O ciclo da água é movido pelo sol e nunca deixa de circular entre o mar, o céu e a terra, não importa onde.",
        ),
        (
            "nld",
            "De waterkringloop wordt aangedreven door de zon en houdt nooit op met bewegen tussen de zee en de lucht.",
        ),
        (
            "pol",
            "Obieg wody jest napędzany przez słońce i nigdy nie przestaje krążyć między morzem a niebem nad nami.",
        ),
        (
            "tur",
            "Su döngüsü güneş tarafından yönlendirilir ve deniz ile gökyüzü arasında dolaşmayı asla bırakmaz, çünkü ısınır.",
        ),
        (
            "vie",
            "Vòng tuần hoàn của nước được mặt trời thúc đẩy và không bao giờ ngừng chuyển động giữa biển và bầu trời.",
        ),
        (
            "ell",
            "Ο κύκλος του νερού κινείται από τον ήλιο και δεν σταματά ποτέ να κυκλοφορεί ανάμεσα στη θάλασσα και τον ουρανό.",
        ),
        (
            "jpn",
            "水の循環は太陽によって動かされ、海と空の間を動き続け、決して止まることはありません。",
        ),
        (
            "kor",
            "물의 순환은 태양에 의해 움직이며 바다와 하늘 사이에서 결코 멈추지 않고 계속됩니다.",
        ),
        (
            "hin",
            "जल चक्र सूर्य द्वारा संचालित होता है और समुद्र और आकाश के बीच कभी नहीं रुकता है।",
        ),
    ] {
        assert_eq!(language::detect(text), Language::Other { code }, "{text}");
    }
}

#[test]
fn large_texts_are_read_in_linear_time() {
    // Each would take minutes if any step were quadratic.
    for text in [
        "a".repeat(1_000_000),
        ". ".repeat(500_000),
        "a... ".repeat(200_000),
        "\"a\" ".repeat(250_000),
        "a.b.".repeat(250_000),
        "a-".repeat(500_000),
        "\n".repeat(1_000_000),
        "a) ".repeat(300_000),
    ] {
        let prose = Prose::parse(&text);
        assert_eq!(prose.characters() as usize, text.len());
    }
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let characters: Vec<char> = text.chars().collect();
    let slice = |span: Span| {
        characters[span.start as usize..span.end as usize]
            .iter()
            .collect::<String>()
    };
    let prose = Prose::parse(text);
    prop_assert_eq!(prose.characters() as usize, characters.len());
    let mut end = 0;
    for word in &prose.words {
        prop_assert!(word.span.start >= end && !word.span.is_empty());
        prop_assert_eq!(slice(word.span), word.text);
        prop_assert_eq!(&text[word.byte..word.byte + word.text.len()], word.text);
        end = word.span.end;
    }
    let (mut end, mut next_word) = (0, 0);
    for sentence in &prose.sentences {
        prop_assert!(sentence.span.start >= end && !sentence.words.is_empty());
        prop_assert_eq!(sentence.words.start, next_word);
        prop_assert_eq!(slice(sentence.span), prose.sentence_text(sentence));
        prop_assert!(prose.words[sentence.words.start].span.start >= sentence.span.start);
        prop_assert!(prose.words[sentence.words.end - 1].span.end <= sentence.span.end);
        prop_assert!(
            prose.paragraphs[sentence.paragraph]
                .sentences
                .contains(&prose.sentences.iter().position(|other| other == sentence).unwrap())
        );
        (end, next_word) = (sentence.span.end, sentence.words.end);
    }
    prop_assert_eq!(next_word, prose.words.len());
    let mut next_sentence = 0;
    for paragraph in &prose.paragraphs {
        prop_assert_eq!(paragraph.sentences.start, next_sentence);
        prop_assert!(!paragraph.sentences.is_empty());
        prop_assert_eq!(slice(paragraph.span), &text[paragraph.bytes.clone()]);
        next_sentence = paragraph.sentences.end;
    }
    prop_assert_eq!(next_sentence, prose.sentences.len());
    for quotation in &prose.quotations {
        prop_assert!(quotation.end as usize <= characters.len() && !quotation.is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_unicode_is_read(text in any::<String>()) {
        check(&text)?;
        prop_assert_eq!(language::detect(&text), language::detect(&text));
    }

    #[test]
    fn any_punctuation_is_read(text in "[a-cA-C1-2 .!?…\"“”')(’\\-,\n\r\t\u{301}א👍]{0,80}") {
        check(&text)?;
    }

    #[test]
    fn any_word_is_stemmed(word in "[a-zA-Zé’']{0,14}") {
        if let Some(stem) = content_stem(&word) {
            prop_assert!(!stem.is_empty());
        }
    }
}
