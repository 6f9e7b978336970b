-- What people look for written twins by; derived from their bodies (engine/twins/words.py). The texts themselves are
-- not kept: a row is numbered as its twin is. Beginnings of up to six letters have indexes of their own.

CREATE VIRTUAL TABLE shell_words USING fts5(
    words, content = '', contentless_delete = 1, prefix = '1 2 3 4 5 6',
    tokenize = 'unicode61 remove_diacritics 0');
CREATE VIRTUAL TABLE submodel_words USING fts5(
    words, content = '', contentless_delete = 1, prefix = '1 2 3 4 5 6',
    tokenize = 'unicode61 remove_diacritics 0');
CREATE VIRTUAL TABLE concept_words USING fts5(
    words, content = '', contentless_delete = 1, prefix = '1 2 3 4 5 6',
    tokenize = 'unicode61 remove_diacritics 0');
