// Where a figure comes from: a small button whose note shows on hover, on focus and on a tap, and goes with Escape.

import { useId, useState } from "preact/hooks";

export function Source({ of, children }: { readonly of: string; readonly children: string }) {
  const id = useId();
  const [open, setOpen] = useState(false);
  return (
    <span
      class="source"
      onPointerEnter={(event) => event.pointerType === "mouse" && setOpen(true)}
      onPointerLeave={(event) => event.pointerType === "mouse" && setOpen(false)}
    >
      <button
        type="button"
        class="source-button"
        aria-label={`Source of ${of}`}
        aria-describedby={open ? id : undefined}
        aria-expanded={open}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onClick={() => setOpen(true)}
        onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
      >
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
          <circle cx="8" cy="8" r="6.500" fill="none" stroke="currentColor" stroke-width="1.200" />
          <path d="M8 7v4.500M8 4.500v.8" stroke="currentColor" stroke-width="1.500" stroke-linecap="round" />
        </svg>
      </button>
      {open && (
        <span class="source-note" role="tooltip" id={id}>
          {children}
        </span>
      )}
    </span>
  );
}
