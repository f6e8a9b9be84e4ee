-- What happened here, written with what it changed.
CREATE TABLE lyceum_outbox (
  position {sequence},
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  -- Microseconds since 1970.
  time BIGINT NOT NULL,
  data {bytes} NOT NULL,
  traceparent TEXT NOT NULL,
  UNIQUE (subject, sequence)
);

-- How far a consumer of another service's events has come.
CREATE TABLE lyceum_cursors (
  consumer TEXT NOT NULL,
  source TEXT NOT NULL,
  position BIGINT NOT NULL,
  PRIMARY KEY (consumer, source)
);

-- Events that a consumer could not deal with.
CREATE TABLE lyceum_dead_letters (
  place {sequence},
  consumer TEXT NOT NULL,
  source TEXT NOT NULL,
  -- The event as it came.
  event {bytes} NOT NULL,
  -- Why, without a word of what stands in it.
  reason TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  time BIGINT NOT NULL
);
