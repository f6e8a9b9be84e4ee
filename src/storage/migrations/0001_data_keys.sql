-- Keys that seal columns, each wrapped with the key of storage.key.
CREATE TABLE lyceum_data_keys (
  id BIGINT PRIMARY KEY,
  wrapped {bytes} NOT NULL,
  -- Microseconds since 1970.
  made BIGINT NOT NULL
);
