// Entries of the form, one for each kind of value. What is left empty is not sent, unless somebody added it.

import { useState } from "preact/hooks";
import { list, record, type Shape, type Types, text } from "./schema";
import { beginning, decode, type Entry, encode, entryOf, numberOf, type Property, words } from "./shapes";

interface Props {
  readonly id: string;
  readonly shape: Shape;
  readonly types: Types;
  readonly value: unknown;
  /** Undefined takes the value away. */
  readonly onChange: (value: unknown) => void;
  /** What the field is called, for who cannot see where it stands. */
  readonly label: string;
}

interface OfKind<Kind extends Entry["kind"]> extends Props {
  readonly entry: Extract<Entry, { kind: Kind }>;
}

/** What a field's own words are to its entry. */
function described(id: string, shape: Shape): { "aria-describedby"?: string } {
  return words(shape) ? { "aria-describedby": `${id}-about` } : {};
}

/** An entry for a value of any shape. */
export function Value(props: Props) {
  const entry = entryOf(props.shape, props.types);
  switch (entry.kind) {
    case "text":
      return <Text {...props} entry={entry} />;
    case "bytes":
      return <Bytes {...props} entry={entry} />;
    case "number":
      return <Numeric {...props} entry={entry} />;
    case "flag":
      return <Flag {...props} entry={entry} />;
    case "choice":
      return <Chosen {...props} entry={entry} />;
    case "message":
      return <Fields {...props} entry={entry} />;
    case "list":
      return <Items {...props} entry={entry} />;
    case "map":
      return <Pairs {...props} entry={entry} />;
    case "anything":
      return <Anything {...props} entry={entry} />;
  }
}

function Text({ id, shape, entry, value, onChange }: OfKind<"text">) {
  const shown = typeof value === "string" ? value : "";
  const typed = (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value || undefined);
  return entry.long ? (
    <textarea id={id} class="console-text" rows={3} value={shown} onInput={typed} {...described(id, shape)} />
  ) : (
    <input id={id} class="console-input" type="text" value={shown} onInput={typed} {...described(id, shape)} />
  );
}

function Bytes({ id, shape, value, onChange, label }: OfKind<"bytes">) {
  const stored = typeof value === "string" ? value : "";
  const read = decode(stored);
  const [raw, setRaw] = useState(read === undefined);
  const shown = raw || read === undefined ? stored : read;
  return (
    <div class="console-bytes">
      <textarea
        id={id}
        class="console-text"
        rows={2}
        value={shown}
        {...described(id, shape)}
        onInput={({ currentTarget }) => {
          const typed = currentTarget.value;
          onChange(typed === "" ? undefined : raw ? typed : encode(typed));
        }}
      />
      <select
        class="console-select"
        aria-label={`How ${label} is written`}
        value={raw ? "base64" : "text"}
        onChange={({ currentTarget }) => setRaw(currentTarget.value === "base64")}
      >
        <option value="text">as text</option>
        <option value="base64">as base64</option>
      </select>
    </div>
  );
}

function Numeric({ id, shape, entry, value, onChange }: OfKind<"number">) {
  const [typed, setTyped] = useState<string>();
  // What somebody types may be no number yet, so it stands as it was typed while it means the same.
  const shown = typed !== undefined && numberOf(typed, entry) === value ? typed : value === undefined ? "" : `${value}`;
  return (
    <input
      id={id}
      class="console-input console-number"
      type="text"
      inputMode={entry.whole ? "numeric" : "decimal"}
      value={shown}
      {...described(id, shape)}
      onInput={({ currentTarget }) => {
        setTyped(currentTarget.value);
        onChange(numberOf(currentTarget.value, entry));
      }}
    />
  );
}

function Flag({ id, shape, value, onChange }: OfKind<"flag">) {
  return (
    <input
      id={id}
      type="checkbox"
      checked={value === true}
      {...described(id, shape)}
      onChange={({ currentTarget }) => onChange(currentTarget.checked || undefined)}
    />
  );
}

function Chosen({ id, shape, entry, value, onChange }: OfKind<"choice">) {
  return (
    <select
      id={id}
      class="console-select"
      value={text(value)}
      {...described(id, shape)}
      onChange={({ currentTarget }) => onChange(currentTarget.value || undefined)}
    >
      <option value="">Not said</option>
      {entry.choices.map(({ value, meaning }) => (
        <option key={value} value={value}>
          {meaning ? `${value}: ${meaning}` : value}
        </option>
      ))}
    </select>
  );
}

function Fields({ id, entry, types, value, onChange }: OfKind<"message">) {
  const own = record(value);
  const set = (name: string, value: unknown) => {
    const { [name]: _, ...others } = own;
    onChange(value === undefined ? others : { ...others, [name]: value });
  };
  if (entry.properties.length === 0) return <p class="hint">It has no fields.</p>;
  const seen = new Set<string>();
  return (
    <div class="console-fields">
      {entry.properties.map((property) => {
        const { name, oneof } = property;
        if (oneof === "") {
          return (
            <Field
              key={name}
              id={`${id}-${name}`}
              {...{ property, types }}
              value={own[name]}
              onChange={(value) => set(name, value)}
            />
          );
        }
        if (seen.has(oneof)) return null;
        seen.add(oneof);
        const members = entry.properties.filter((other) => other.oneof === oneof);
        return <OneOf key={oneof} {...{ id, oneof, members, types, own, onChange }} />;
      })}
    </div>
  );
}

interface FieldProps {
  readonly id: string;
  readonly property: Property;
  readonly types: Types;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

/** A property with its name and what the contract says of it. */
function Field({ id, property, types, value, onChange }: FieldProps) {
  const { name, shape, required } = property;
  const entry = entryOf(shape, types);
  const nested = entry.kind === "message" || entry.kind === "list" || entry.kind === "map";
  const about = words(shape);
  const hint = about && (
    <p class="hint" id={`${id}-about`}>
      {about}
    </p>
  );
  const inner = <Value {...{ id, shape, types, value, onChange }} label={name} />;
  if (!nested) {
    return (
      <div class={entry.kind === "flag" ? "console-field console-flag" : "console-field"}>
        <label for={id}>
          {name}
          {required && <span class="console-required"> (required)</span>}
        </label>
        {inner}
        {hint}
      </div>
    );
  }
  const there = value !== undefined;
  return (
    <fieldset class="console-group">
      <legend>
        {name}
        {required && <span class="console-required"> (required)</span>}
      </legend>
      {hint}
      {entry.kind === "message" && (
        <button
          type="button"
          class="button-quiet"
          onClick={() => onChange(there ? undefined : beginning(shape, types))}
        >
          {there ? `Take ${name} away` : `Add ${name}`}
        </button>
      )}
      {(there || entry.kind !== "message") && inner}
    </fieldset>
  );
}

interface OneOfProps {
  readonly id: string;
  readonly oneof: string;
  readonly members: readonly Property[];
  readonly types: Types;
  readonly own: Record<string, unknown>;
  readonly onChange: (value: unknown) => void;
}

function OneOf({ id, oneof, members, types, own, onChange }: OneOfProps) {
  const chosen = members.find(({ name }) => name in own);
  const others = () =>
    Object.fromEntries(Object.entries(own).filter(([name]) => members.every((m) => m.name !== name)));
  const set = (property: Property, value: unknown) =>
    // Chosen and empty is another thing than not chosen.
    onChange({ ...others(), [property.name]: value ?? beginning(property.shape, types) });
  return (
    <fieldset class="console-group">
      <legend>{oneof}: one of these</legend>
      <select
        class="console-select"
        aria-label={`Which of ${oneof}`}
        value={chosen?.name ?? ""}
        onChange={({ currentTarget }) => {
          const property = members.find(({ name }) => name === currentTarget.value);
          if (property) set(property, undefined);
          else onChange(others());
        }}
      >
        <option value="">None</option>
        {members.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      {chosen && (
        <Field
          key={chosen.name}
          id={`${id}-${chosen.name}`}
          property={{ ...chosen, oneof: "" }}
          types={types}
          value={own[chosen.name]}
          onChange={(value) => set(chosen, value)}
        />
      )}
    </fieldset>
  );
}

function Items({ id, entry, types, value, onChange, label }: OfKind<"list">) {
  const items = list(value);
  const change = (items: readonly unknown[]) => onChange(items.length > 0 ? items : undefined);
  return (
    <div class="console-fields">
      {items.map((item, index) => (
        <div key={index} class="console-item">
          <label class="unseen" for={`${id}-${index}`}>{`${label} ${index + 1}`}</label>
          <Value
            id={`${id}-${index}`}
            shape={entry.items}
            types={types}
            value={item}
            label={`${label} ${index + 1}`}
            onChange={(value) => change(items.with(index, value ?? beginning(entry.items, types)))}
          />
          <button
            type="button"
            class="button-quiet"
            aria-label={`Take away ${label} ${index + 1}`}
            onClick={() => change(items.toSpliced(index, 1))}
          >
            Take away
          </button>
        </div>
      ))}
      <button type="button" class="button-quiet" onClick={() => change([...items, beginning(entry.items, types)])}>
        {`Add to ${label}`}
      </button>
    </div>
  );
}

function Pairs({ id, entry, types, value, onChange, label }: OfKind<"map">) {
  const pairs = Object.entries(record(value));
  const change = (pairs: readonly (readonly [string, unknown])[]) =>
    onChange(pairs.length > 0 ? Object.fromEntries(pairs) : undefined);
  const fresh = () => {
    let name = "";
    for (let count = 1; name in record(value); count++) name = `key${count}`;
    return name;
  };
  return (
    <div class="console-fields">
      {pairs.map(([name, inner], index) => (
        <div key={index} class="console-item console-pair">
          <input
            class="console-input"
            type="text"
            aria-label={`Key ${index + 1} of ${label}`}
            value={name}
            onInput={({ currentTarget }) => {
              const renamed = currentTarget.value;
              // Two of the same name are one: the older stays until this one is called otherwise.
              if (!pairs.some(([other], at) => at !== index && other === renamed)) {
                change(pairs.with(index, [renamed, inner]));
              }
            }}
          />
          <label class="unseen" for={`${id}-${index}`}>{`Value ${index + 1} of ${label}`}</label>
          <Value
            id={`${id}-${index}`}
            shape={entry.values}
            types={types}
            value={inner}
            label={`Value ${index + 1} of ${label}`}
            onChange={(value) => change(pairs.with(index, [name, value ?? beginning(entry.values, types)]))}
          />
          <button
            type="button"
            class="button-quiet"
            aria-label={`Take away ${name || "the empty key"}`}
            onClick={() => change(pairs.toSpliced(index, 1))}
          >
            Take away
          </button>
        </div>
      ))}
      <button
        type="button"
        class="button-quiet"
        onClick={() => change([...pairs, [fresh(), beginning(entry.values, types)]])}
      >
        {`Add to ${label}`}
      </button>
    </div>
  );
}

function Anything({ id, shape, value, onChange }: OfKind<"anything">) {
  const [typed, setTyped] = useState<string>();
  const shown = typed ?? (value === undefined ? "" : JSON.stringify(value));
  return (
    <textarea
      id={id}
      class="console-text console-code"
      rows={2}
      value={shown}
      spellcheck={false}
      placeholder="JSON"
      {...described(id, shape)}
      onInput={({ currentTarget }) => {
        setTyped(currentTarget.value);
        try {
          onChange(currentTarget.value.trim() === "" ? undefined : JSON.parse(currentTarget.value));
        } catch {
          // Not yet JSON: what was there before stays.
        }
      }}
    />
  );
}
