// A failed call, told so that the reader knows what happened, that nothing is lost, and what comes next.

import { useEffect, useState } from "preact/hooks";
import { explain, type Failure } from "../calling/failures";
import { tryNow } from "../calling/insisting";

interface Props {
  readonly failure: Failure;
  /** The capability that failed, for example "live feedback". */
  readonly what: string;
  /** When it tries again by itself. */
  readonly nextAt: number | undefined;
  readonly onRetry?: () => void;
}

export function Trouble({ failure, what, nextAt, onRetry }: Props) {
  const { title, advice } = explain(failure, what);
  return (
    <div class="trouble" role="alert" data-kind={failure.kind}>
      <p class="trouble-title">
        <Mark />
        {title}
      </p>
      <p>{advice}</p>
      {nextAt !== undefined && (
        <p class="trouble-next">
          <Countdown until={nextAt} />
          <button type="button" class="button-quiet" onClick={tryNow}>
            Try now
          </button>
        </p>
      )}
      {nextAt === undefined && onRetry && (
        <button type="button" class="button-quiet" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

function Countdown({ until }: { readonly until: number }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  // A screen reader hears the trouble once; the seconds are for the eye.
  return (
    <span aria-hidden="true">{seconds > 0 ? `Trying again by itself in ${seconds} s.` : "Trying again now."}</span>
  );
}

function Mark() {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M8 1.800 15 14H1z" fill="none" stroke="currentColor" stroke-width="1.500" stroke-linejoin="round" />
      <path d="M8 6.200v3.600M8 11.600v.6" stroke="currentColor" stroke-width="1.500" stroke-linecap="round" />
    </svg>
  );
}
