// The SQL side of the baseline. One call a reserve, and one transaction: the row of the stock is locked by the UPDATE that
// takes from it, for as long as the commit's fsync takes, which is what a hot SKU waits for.

export const SCHEMA = `
CREATE TABLE stock (
  name text PRIMARY KEY,
  available bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE reservation (
  request_id text PRIMARY KEY,
  stock text NOT NULL,
  qty integer NOT NULL,
  expires_at bigint NOT NULL,
  available bigint NOT NULL,
  ended boolean NOT NULL DEFAULT false
);
CREATE INDEX reservation_due ON reservation (expires_at) WHERE NOT ended;

-- Units left (negative: refused, and by how much), or the record of a request id that was seen before.
CREATE FUNCTION reserve(of_stock text, id text, units integer, until_ms bigint) RETURNS text AS $$
DECLARE
  prior reservation%ROWTYPE;
  left_over bigint;
BEGIN
  SELECT * INTO prior FROM reservation WHERE request_id = id;
  IF FOUND THEN
    RETURN 'R|' || prior.qty || '|' || prior.expires_at || '|' || prior.available || '|' || prior.stock;
  END IF;
  UPDATE stock SET available = stock.available - units WHERE name = of_stock AND stock.available >= units
    RETURNING stock.available INTO left_over;
  IF NOT FOUND THEN
    SELECT stock.available - units INTO left_over FROM stock WHERE name = of_stock;
    RETURN coalesce(left_over, -units);
  END IF;
  INSERT INTO reservation (request_id, stock, qty, expires_at, available) VALUES (id, of_stock, units, until_ms, left_over);
  RETURN left_over;
END
$$ LANGUAGE plpgsql;

-- Many reserves in one transaction, in order.
CREATE FUNCTION reserve_all(stocks text[], ids text[], units integer[], untils bigint[]) RETURNS text[] AS $$
DECLARE
  answers text[] := '{}';
BEGIN
  -- All in one order, or two batches would wait for each other.
  PERFORM 1 FROM stock WHERE name = ANY (stocks) ORDER BY name FOR UPDATE;
  FOR i IN 1 .. cardinality(ids) LOOP
    answers[i] := reserve(stocks[i], ids[i], units[i], untils[i]);
  END LOOP;
  RETURN answers;
END
$$ LANGUAGE plpgsql;

-- Gives back the units of some reservations that are due.
CREATE FUNCTION expire(now_ms bigint, most integer) RETURNS bigint AS $$
  WITH due AS (
    SELECT request_id FROM reservation WHERE NOT ended AND expires_at <= now_ms ORDER BY expires_at LIMIT most
    FOR UPDATE SKIP LOCKED
  ), gone AS (
    UPDATE reservation SET ended = true FROM due WHERE reservation.request_id = due.request_id
    RETURNING reservation.stock, reservation.qty
  ), given AS (
    UPDATE stock SET available = stock.available + back.qty
    FROM (SELECT gone.stock, sum(gone.qty) AS qty FROM gone GROUP BY gone.stock) AS back WHERE stock.name = back.stock
    RETURNING 1
  )
  SELECT count(*) FROM gone, (SELECT count(*) FROM given) AS done;
$$ LANGUAGE sql;
`;
