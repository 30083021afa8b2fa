-- Why a claim failed, for programs too.
-- depends: 0005-cancellations

ALTER TABLE claims ADD COLUMN failure_code text NOT NULL DEFAULT '';
