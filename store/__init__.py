"""Where it is kept: migrations, connections, the embedded server, the binary codec, the journal and the queries."""
