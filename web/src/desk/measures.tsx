// Measures of the whole text: a small chart each, a plain line, the source on hover. Nothing here is a grade.

import type { ComponentChildren } from "preact";
import { Amounts, Rhythm } from "../charts/bars";
import { Scale } from "../charts/scale";
import { PARTS, Strip } from "../charts/strip";
import { Skeleton } from "../elements/answer";
import { Source } from "../elements/source";
import {
  type Cohesion,
  type LexicalDiversity,
  type Measures,
  Person,
  type Readability,
  ReadabilityFormula,
  type Style,
  Tense,
  type TextStatistics,
} from "../generated/lyceum/writing_analysis/v1/writing_analysis_pb";
import { kept } from "../keeping";
import { feedback } from "./draft";

export function MeasuresPanel({ onGo }: { readonly onGo: (position: number) => void }) {
  const measures = feedback.measures.value;
  const { state } = feedback.standing.value;
  return (
    <section class="measures" aria-labelledby="measures-title" aria-busy={state === "reading"}>
      <h2 id="measures-title">Measures</h2>
      {!measures && state === "reading" && <Skeleton slow={false} lines={4} />}
      {!measures && state === "empty" && (
        <p class="empty">Once there is a text, this is where its rhythm, words and structure show.</p>
      )}
      {!measures && state === "failed" && <p class="empty">No measures while live feedback is away.</p>}
      {measures && <Charts measures={measures} onGo={onGo} />}
    </section>
  );
}

function Charts({ measures, onGo }: { readonly measures: Measures; readonly onGo: (position: number) => void }) {
  const { statistics, readability, diversity, cohesion, style } = measures;
  return (
    <div class="measures-grid">
      {statistics && <Sentences statistics={statistics} />}
      {readability.length > 0 && <Reading readability={readability} />}
      {diversity && <Vocabulary diversity={diversity} words={statistics?.words ?? 0} />}
      {cohesion && <Threads cohesion={cohesion} />}
      {style && <Habits style={style} />}
      <Argument onGo={onGo} />
    </div>
  );
}

interface CardProps {
  readonly name: string;
  readonly line: string;
  readonly source: string;
  /** How much of a row it takes. */
  readonly room?: "wide" | "double";
  readonly children: ComponentChildren;
}

function Card({ name, line, source, room, children }: CardProps) {
  return (
    <figure class={room ? `card card-${room}` : "card"}>
      <figcaption>
        <h3>
          {name} <Source of={name}>{source}</Source>
        </h3>
        <p class="card-line">{line}</p>
      </figcaption>
      {children}
    </figure>
  );
}

function Sentences({ statistics }: { readonly statistics: TextStatistics }) {
  const { sentenceLengths: lengths, words, sentences, paragraphs, sentenceLengthMean: mean } = statistics;
  const shortest = Math.min(...lengths);
  const longest = Math.max(...lengths);
  const line =
    lengths.length < 2
      ? `${many(words, "word")} in ${many(sentences, "sentence")}.`
      : `Sentences vary between ${shortest} and ${longest} words; ${Math.round(mean)} on average.`;
  return (
    <Card
      room="double"
      name="Rhythm"
      line={line}
      source="Words in each sentence, in the order of the text. Counted, not judged."
    >
      <Rhythm
        label={`Words in each of ${lengths.length} sentences. ${line}`}
        values={lengths}
        title={(value, index) => `Sentence ${index + 1}: ${many(value, "word")}`}
      />
      <p class="card-foot">
        {many(words, "word")} · {many(sentences, "sentence")} · {many(paragraphs, "paragraph")}
      </p>
    </Card>
  );
}

const FORMULAS: Partial<Record<ReadabilityFormula, string>> = {
  [ReadabilityFormula.FLESCH_READING_EASE]: "Flesch Reading Ease",
  [ReadabilityFormula.FLESCH_KINCAID_GRADE]: "Flesch–Kincaid",
  [ReadabilityFormula.GUNNING_FOG]: "Gunning Fog",
  [ReadabilityFormula.SMOG]: "SMOG",
  [ReadabilityFormula.COLEMAN_LIAU]: "Coleman–Liau",
  [ReadabilityFormula.ARI]: "ARI",
  [ReadabilityFormula.LIX]: "LIX",
};

/** Those that tell years of schooling, and so stand on one line. */
const GRADES: ReadonlySet<ReadabilityFormula> = new Set([
  ReadabilityFormula.FLESCH_KINCAID_GRADE,
  ReadabilityFormula.GUNNING_FOG,
  ReadabilityFormula.SMOG,
  ReadabilityFormula.COLEMAN_LIAU,
  ReadabilityFormula.ARI,
]);

function Reading({ readability }: { readonly readability: readonly Readability[] }) {
  const grades = readability.filter(({ formula }) => GRADES.has(formula));
  const ease = readability.find(({ formula }) => formula === ReadabilityFormula.FLESCH_READING_EASE);
  const sure = readability.some(({ reliable }) => reliable);
  const line = `${ease?.meaning ? sentence(ease.meaning) : "How hard the text is to read."}${
    sure ? "" : " Take it lightly: the text is short for these formulas."
  }`;
  const points = grades.map(({ formula, value, reliable }) => ({
    name: FORMULAS[formula] ?? "Formula",
    value,
    hollow: !reliable,
  }));
  return (
    <Card
      name="Readability"
      line={line}
      source="Flesch 1948; Kincaid et al. 1975; Gunning 1952; McLaughlin 1969; Coleman & Liau 1975; Smith & Senter 1967; Björnsson 1968. Each estimates in its own way; look at where they agree."
    >
      <Scale
        label={`Years of schooling by ${points.length} formulas`}
        points={points}
        from={0}
        to={20}
        ends={["0 years of school", "20"]}
      />
      <dl class="values">
        {readability.map(({ formula, value, meaning, reliable }) => (
          <div key={formula} title={meaning} class={reliable ? "" : "faint"}>
            <dt>{FORMULAS[formula] ?? "Formula"}</dt>
            <dd>{value.toFixed(1)}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function Vocabulary({ diversity, words }: { readonly diversity: LexicalDiversity; readonly words: number }) {
  const { mtld, hdd, mattr, types, sophisticatedShare } = diversity;
  const known = mtld !== undefined || hdd !== undefined || mattr !== undefined;
  return (
    <Card
      name="Vocabulary"
      line={`${many(types, "different word")} among ${words}; ${percent(sophisticatedShare)} of the content words are long and learned.`}
      source="MTLD and HD-D: McCarthy & Jarvis 2010. MATTR: Covington & McFall 2010. None of them falls with length, as a plain ratio would."
    >
      {known ? (
        <>
          {mtld !== undefined && (
            <Amounts most={140} amounts={[{ name: "MTLD", value: mtld, shown: mtld.toFixed(0) }]} />
          )}
          <Amounts
            most={1}
            amounts={[
              ...(hdd === undefined ? [] : [{ name: "HD-D", value: hdd, shown: hdd.toFixed(2) }]),
              ...(mattr === undefined ? [] : [{ name: "MATTR", value: mattr, shown: mattr.toFixed(2) }]),
            ]}
          />
        </>
      ) : (
        <p class="empty">Variety shows from 50 words on.</p>
      )}
    </Card>
  );
}

function Threads({ cohesion }: { readonly cohesion: Cohesion }) {
  const { additive, causal, contrastive, temporal } = cohesion;
  const kinds = [
    { name: "and, moreover", value: additive },
    { name: "because, therefore", value: causal },
    { name: "but, however", value: contrastive },
    { name: "then, afterwards", value: temporal },
  ];
  const all = additive + causal + contrastive + temporal;
  return (
    <Card
      name="Cohesion"
      line={`A sentence shares ${percent(cohesion.sentenceOverlap)} of its content words with the one before; ${all.toFixed(1)} connectives in 100 words.`}
      source="After TAACO: Crossley, Kyle & McNamara 2016. Connectives for each 100 words."
    >
      <Amounts
        most={Math.max(4, ...kinds.map(({ value }) => value))}
        amounts={kinds.map(({ name, value }) => ({ name, value, shown: value.toFixed(1) }))}
      />
      <p class="card-foot">Neighbouring paragraphs share {percent(cohesion.paragraphOverlap)}.</p>
    </Card>
  );
}

const TENSES: Partial<Record<Tense, string>> = {
  [Tense.PAST]: "in the past",
  [Tense.PRESENT]: "in the present",
  [Tense.FUTURE]: "in the future",
};
const PERSONS: Partial<Record<Person, string>> = {
  [Person.FIRST]: "in the first person",
  [Person.SECOND]: "in the second person",
  [Person.THIRD]: "in the third person",
};

function Habits({ style }: { readonly style: Style }) {
  const told = [TENSES[style.mainTense], PERSONS[style.mainPerson]].filter(Boolean).join(", ");
  return (
    <Card
      name="Habits"
      line={`${told ? `Told mostly ${told}. ` : ""}${percent(style.passiveShare)} of the sentences are passive.`}
      source="Hedges and boosters: Hyland 2005. Passive voice, nominalisations and openings are counted by rule."
    >
      <Amounts
        most={6}
        amounts={[
          { name: "Hedges", value: style.hedges, shown: `${style.hedges.toFixed(1)} in 100` },
          { name: "Boosters", value: style.boosters, shown: `${style.boosters.toFixed(1)} in 100` },
          { name: "Verbs as nouns", value: style.nominalisations, shown: `${style.nominalisations.toFixed(1)} in 100` },
        ]}
      />
      <p class="card-foot">
        {percent(style.openingVariety)} of the sentences open like no neighbour; {style.clauseDepth.toFixed(1)}{" "}
        subordinate clauses in each.
      </p>
    </Card>
  );
}

function Argument({ onGo }: { readonly onGo: (position: number) => void }) {
  const elements = feedback.structure.value;
  const found = new Set(elements.map(({ element }) => element.element));
  const missing = PARTS.filter(([part]) => !found.has(part)).map(([, name]) => name.toLowerCase());
  const line =
    elements.length === 0
      ? "No parts of an argument were recognised. That may be right: not every text argues."
      : missing.length === 0
        ? "Every part that an argument usually has is there."
        : `Not recognised: ${missing.join(", ")}. They may be there in words the rules do not know.`;
  return (
    <Card room="wide" name="Argument" line={line} source="Parts of an argument after PERSUADE: Crossley et al. 2022.">
      <Strip
        elements={elements}
        length={Math.max(kept.essay.value.length, 1)}
        label="from the start of the text to its end"
        onGo={onGo}
      />
    </Card>
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

function many(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

function sentence(words: string): string {
  const upper = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}
