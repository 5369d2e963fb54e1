-- The rows of a store that has seen much, for `filling.py`: $words are the engine's or the run's own,
-- `n` are the numbers of the deliveries. Of 200 deliveries 1 is dead, 4 are redelivered, 10 ignored.

INSERT INTO receipts (
  id, connector, account, kind, delivery_key, transport, received_at, headers, digest, size,
  secret_name, state, first_receipt_id, message_count, ignored_count, reason, translated_at
)
$numbers
SELECT
  $id, 'shopify', 'bench', 'orders/create', 'old-' || i, 'http', $at,
  '{"x-shopify-topic":"orders/create","x-shopify-shop-domain":"bench.myshopify.com",'
    || '"content-type":"application/json"}',
  $digest, 6041, 'env:BENCH_SECRET',
  CASE WHEN $dead THEN 'dead' WHEN $redelivered THEN 'redelivered' WHEN $ignored THEN 'ignored'
    ELSE 'translated' END,
  CASE WHEN $redelivered THEN $id_before END,
  CASE WHEN $translated THEN 1 ELSE 0 END, 0,
  CASE WHEN $dead THEN 'bad_total' END, $at
FROM n;

INSERT INTO raw_payloads (receipt_id, part, encoding, body)
$numbers
SELECT $id, 0, 'identity', $random60 FROM n WHERE NOT $redelivered;

INSERT INTO deliveries (delivery_key_digest, connector, account, receipt_id, digest)
$numbers
SELECT $key16, 'shopify', 'bench', $id, $digest FROM n WHERE NOT $redelivered;

INSERT INTO fact_keys (key_digest, content_digest, message_row_id, receipt_id, created_at)
$numbers
SELECT $key32, $digest, $message, $id, $at FROM n WHERE $translated;

INSERT INTO entity_versions (entity_digest, version, message_row_id)
$numbers
SELECT $entity32, '00000000000000000001', $message FROM n WHERE $translated;

INSERT INTO messages (
  id, receipt_id, position, connector, account, message_id, key, type, source, subject, occurred_at,
  entity, version, correlation, partition_key, schema_uri, data, content_digest, destinations, at,
  verdict, state, created_at, published_at
)
$numbers
SELECT
  $message, $id, 0, 'shopify', 'bench', $uuid, 'order/shopify/bench/' || i, 'o2c.order.placed',
  '/shopify/bench', 'order/' || (1000000000 + i), $at,
  'order/shopify/bench/' || i, '00000000000000000001', 'shopify/bench/order/' || (1000000000 + i),
  'shopify/bench/order/' || (1000000000 + i), 'urn:o2c:schema:o2c.order.placed:v1',
  '{"number":"' || i || '","references":[{"scheme":"shopify:order_name","value":"OLD-' || i
    || '"}],"totals":{"total":{"amount":"361.90","currency":"EUR"}},"lines":[{"sku":"LAMP-1",'
    || '"quantity":"2"},{"sku":"LAMP-2","quantity":"2"}],"placed":"2026-03-02T10:59:57+01:00"}',
  $digest, '["o2c.order"]', '', 'new', 'published', $at, $at
FROM n WHERE $translated;

INSERT INTO message_references (value, scheme, message_row_id)
$numbers
SELECT 'OLD-' || i, 'shopify:order_name', $message FROM n WHERE $translated;

INSERT INTO message_references (value, scheme, message_row_id)
$numbers
SELECT '' || (1000000000 + i), 'shopify:order', $message FROM n WHERE $translated;

INSERT INTO dead_letters (
  id, receipt_id, connector, account, kind, stage, error_code, field_path, record_at, message,
  attempts, first_failed_at, last_failed_at, state, group_field, group_account, group_code,
  group_kind, group_text
)
$numbers
SELECT
  $id, $id, 'shopify', 'bench', 'orders/create', 'translate', 'bad_total', 'total_price', '',
  'not a total', 1, $at, $at, 'open', 1, 2, 3, 4, 5
FROM n WHERE $dead;

INSERT INTO intake_ledger (at, connector, account, accepted)
$numbers
SELECT $at, 'shopify', 'bench', 10 FROM n WHERE i % 10 = 0;

INSERT INTO log_blocks (partition, sequence, at, rows, entries, entries_digest, hash)
$numbers
SELECT 0, i / 20, $at, 20, $random800, $digest, $digest FROM n WHERE i % 20 = 0;
