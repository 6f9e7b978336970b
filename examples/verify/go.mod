module weft.example/verify

go 1.23
