# Production. What is the shop's own is an example; what is a secret is in Secret Manager.
project        = "meridian-production"
project_number = "100000000001"
environment    = "production"
domain         = "api.meridian.example"
dns_zone       = "meridian"

# Given by the pipeline, as -var image=...; it starts services that do not exist yet.
# image = "REGION-docker.pkg.dev/PROJECT/meridian/meridian@sha256:..."

database = {
  tier         = "db-custom-16-65536"
  replica_tier = "db-custom-8-32768"
  disk_gb      = 500
}
cache = {
  node_type = "REDIS_HIGHMEM_MEDIUM"
  shards    = 3
  replicas  = 1
}

settings = {
  ALLOWED_CHAINS     = "1"
  OPERATOR_ADDRESSES = "0xe0a1000000000000000000000000000000000001"
  CLAIM_CHAIN_ID     = "1"
  CLAIM_CONTRACT     = "0xe0a1000000000000000000000000000000000002"
  CLAIM_REDEMPTION   = "relayer"
  CUSTODY_CHAIN_ID   = "1"
  VAULT_CONTRACT     = "0xe0a1000000000000000000000000000000000003"
  CHAIN_ASSETS       = "ETH=0x0000000000000000000000000000000000000000,USDC=0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
  COLLECT_FROM       = "ETH=10000000000000000,USDC=5000000"
  WITHDRAWAL_LEAST   = "ETH=10000000000000000,USDC=5000000"
  WITHDRAWAL_FEE     = "ETH=1000000000000000,USDC=1000000"
}

alert_emails = ["oncall@meridian.example"]

# An example: the public half of the key that signs this environment's releases.
release_key = {
  version    = "projects/meridian-production/locations/global/keyRings/delivery/cryptoKeys/releases/cryptoKeyVersions/1"
  public_pem = <<-PEM
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWeN7hvSGNUlS7/NP463CfXsrvdbu
    Ma4mxENCRrF+jGsoBeL+xDlARQ9DsSWHkH3jp8kZUhPOcOrjNboa0akqGQ==
    -----END PUBLIC KEY-----
  PEM
}
