// A place to write in. A plain <textarea> holds the text, so typing, undo, spell-checking and screen readers work as
// everywhere; behind it lies a mirror with the same text and the same wrapping, which carries the underlines and
// makes the textarea as high as its text. Nothing here ever writes into the textarea while the reader types.

import { batch, effect, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type Highlights, Painter } from "../text/highlighting";

/** What others may ask of an editor. */
export interface EditorHandle {
  /** Puts the cursor there, shows it, and takes the focus. */
  go(position: number): void;
  /** The height of a position's line below the editor's top, in CSS pixels. */
  lineAt(position: number): number;
}

interface Props {
  readonly id: string;
  readonly label: string;
  readonly text: Signal<string>;
  readonly placeholder?: string;
  readonly describedBy?: string;
  readonly rows?: number;
  readonly highlights?: Signal<Highlights>;
  readonly handle?: { current: EditorHandle | undefined };
  readonly onCursor?: (position: number) => void;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
  readonly large?: boolean;
  readonly labelHidden?: boolean;
}

export function Editor(props: Props) {
  const { id, label, text, highlights, handle, onCursor } = props;
  const opening = useRef(text.peek());
  const area = useRef<HTMLTextAreaElement>(null);
  const mirror = useRef<HTMLDivElement>(null);
  const painter = useRef<Painter | undefined>(undefined);
  painter.current ??= new Painter();

  // At once, not after the next frame: an underline must never lag behind its word.
  useLayoutEffect(
    () =>
      effect(() => {
        const value = text.value;
        if (!area.current || !mirror.current) return;
        if (area.current.value !== value) area.current.value = value;
        const node = mirrored(mirror.current);
        // A mirror's last line break would not open a line; a space after it does.
        if (node.data !== `${value} `) node.data = `${value} `;
        painter.current?.paint(node, highlights?.value ?? new Map());
      }),
    [text, highlights],
  );

  useEffect(() => () => painter.current?.clear(), []);

  useEffect(() => {
    const moved = () => {
      if (area.current && document.activeElement === area.current) onCursor?.(area.current.selectionEnd);
    };
    document.addEventListener("selectionchange", moved);
    return () => document.removeEventListener("selectionchange", moved);
  }, [onCursor]);

  useLayoutEffect(() => {
    if (!handle) return;
    handle.current = {
      go(position) {
        area.current?.focus({ preventScroll: true });
        area.current?.setSelectionRange(position, position);
        onCursor?.(position);
        if (mirror.current) {
          const top = mirror.current.getBoundingClientRect().top + lineAt(mirror.current, position);
          if (top < 96 || top > innerHeight - 160) scrollBy({ top: top - innerHeight / 3 });
        }
      },
      lineAt: (position) => (mirror.current ? lineAt(mirror.current, position) : 0),
    };
    return () => {
      handle.current = undefined;
    };
  }, [handle, onCursor]);

  return (
    <div class={`editor${props.large ? " editor-large" : ""}`}>
      <label class={props.labelHidden ? "unseen" : "editor-label"} for={id}>
        {label}
      </label>
      <div class="editor-sheet">
        <div class="editor-mirror" aria-hidden="true" dir="auto" ref={mirror} />
        <textarea
          id={id}
          ref={area}
          class="editor-text"
          dir="auto"
          rows={props.rows ?? 4}
          placeholder={props.placeholder}
          aria-describedby={props.describedBy}
          autocomplete="off"
          spellcheck
          defaultValue={opening.current}
          onInput={(event) => {
            const { value, selectionEnd } = event.currentTarget;
            batch(() => {
              onCursor?.(selectionEnd);
              text.value = value;
            });
          }}
          onKeyDown={props.onKeyDown}
        />
      </div>
    </div>
  );
}

function mirrored(mirror: HTMLElement): Text {
  if (mirror.firstChild instanceof Text) return mirror.firstChild;
  const node = document.createTextNode("");
  mirror.replaceChildren(node);
  return node;
}

function lineAt(mirror: HTMLElement, position: number): number {
  const node = mirrored(mirror);
  const range = document.createRange();
  const at = Math.max(0, Math.min(position, node.length - 1));
  range.setStart(node, at);
  range.setEnd(node, Math.min(at + 1, node.length));
  const rectangle = range.getClientRects()[0] ?? range.getBoundingClientRect();
  return rectangle.top - mirror.getBoundingClientRect().top;
}
