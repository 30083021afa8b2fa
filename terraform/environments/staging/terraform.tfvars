# Staging: the same system, small. What is the shop's own is an example; what is a secret is in Secret Manager.
project        = "meridian-staging"
project_number = "100000000002"
environment    = "staging"
domain         = "api.staging.meridian.example"
dns_zone       = "meridian-staging"

# Given by the pipeline, as -var image=...; it starts services that do not exist yet.
# image = "REGION-docker.pkg.dev/PROJECT/meridian/meridian@sha256:..."

most_instances  = 2
keeps_instances = false
waf             = "preview"

database = {
  tier    = "db-custom-2-8192"
  disk_gb = 20
  standby = false
}
cache = {
  node_type = "REDIS_SHARED_CORE_NANO"
  shards    = 1
  replicas  = 0
}

settings = {
  ALLOWED_CHAINS     = "11155111"
  OPERATOR_ADDRESSES = "0xe0a1000000000000000000000000000000000001"
  CLAIM_CHAIN_ID     = "11155111"
  CLAIM_CONTRACT     = "0xe0a1000000000000000000000000000000000002"
  CLAIM_REDEMPTION   = "relayer"
  CUSTODY_CHAIN_ID   = "11155111"
  VAULT_CONTRACT     = "0xe0a1000000000000000000000000000000000003"
  CHAIN_ASSETS       = "ETH=0x0000000000000000000000000000000000000000,USDC=0x1c7d4b196cb0c7b01d743fbc6116a902379c7238"
  COLLECT_FROM       = "ETH=10000000000000000,USDC=5000000"
  WITHDRAWAL_LEAST   = "ETH=10000000000000000,USDC=5000000"
  WITHDRAWAL_FEE     = "ETH=1000000000000000,USDC=1000000"
}

alert_emails = ["oncall@meridian.example"]

# An example: the public half of the key that signs this environment's releases.
release_key = {
  version    = "projects/meridian-staging/locations/global/keyRings/delivery/cryptoKeys/releases/cryptoKeyVersions/1"
  public_pem = <<-PEM
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWeN7hvSGNUlS7/NP463CfXsrvdbu
    Ma4mxENCRrF+jGsoBeL+xDlARQ9DsSWHkH3jp8kZUhPOcOrjNboa0akqGQ==
    -----END PUBLIC KEY-----
  PEM
}
