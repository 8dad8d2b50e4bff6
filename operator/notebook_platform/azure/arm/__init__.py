"""Connect the Azure steps to Azure: sessions, operations, errors, rate limits, ownership."""
