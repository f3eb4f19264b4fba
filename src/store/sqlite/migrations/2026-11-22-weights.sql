-- What admission found out about the tensors behind a claim, and whole reasons instead of their codes alone.
ALTER TABLE submission ADD COLUMN since_block INTEGER;
ALTER TABLE submission ADD COLUMN weights BLOB;
-- Whether the claim keeps later claims of the same tensors out, in later cycles too.
ALTER TABLE submission ADD COLUMN holds INTEGER NOT NULL DEFAULT 0 CHECK (holds IN (0, 1));

UPDATE submission SET since_block = claim_block;
UPDATE submission SET reasons = (
    SELECT json_group_array(json_object('code', json_each.value, 'sentence', '', 'evidence', ''))
    FROM json_each(submission.reasons)
);

CREATE INDEX submission_holds ON submission (hotkey, weights) WHERE holds = 1;
