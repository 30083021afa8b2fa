bucket = "meridian-staging-terraform"
