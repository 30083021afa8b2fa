# Where cells are: a site is a cell in a region, with all the processes that serve it there.

locals {
  # Cells by name, each with the region that it is at home in. yamldecode sorts them; here they are in the registry's order, by
  # which the first cell's region is the primary, and a region's first cell answers its edge.
  cells   = local.registry.cells
  ordered = [for pair in regexall("(\\w+): *([a-z0-9-]+)", regex("(?m)^cells: *{([^}]*)}", local.text)[0]) : pair[0]]
  regions = distinct([for cell in local.ordered : local.cells[cell]])
  primary = local.regions[0]
  first   = { for region in local.regions : region => [for cell in local.ordered : cell if local.cells[cell] == region][0] }

  # The standby of a cell is in the next region of the list, so that no region holds those of two others.
  standby_of = {
    for cell, region in local.cells : cell => local.regions[(index(local.regions, region) + 1) % length(local.regions)]
    if var.database.standby && length(local.regions) > 1
  }
  # Who promotes them has rights only where there is something to promote.
  promoters = length(local.standby_of) > 0 ? ["promoter"] : []
  # Where a cell may be served: at home, or where its standby is, after a promotion. And where it is served now.
  serving = { for cell, region in local.cells : cell => compact([region, lookup(local.standby_of, cell, "")]) }
  served  = merge(local.cells, var.promoted)

  # Cells that share a region are told apart by names: those of a region's first cell have no suffix, all others', and those of
  # a cell that is only promoted there, end with it (shared/registry.py has the same rule, and emulators/stack/sites.py).
  sites = merge([
    for cell, regions in local.serving : {
      for region in regions : (local.first[region] == cell ? region : "${region}-${cell}") => {
        cell   = cell
        region = region
        suffix = local.first[region] == cell ? "" : "-${cell}"
        home   = local.cells[cell] == region
        first  = local.first[region] == cell
        serves = local.served[cell] == region
      }
    }
  ]...)
  # The site by cell where it is served now, and how many a region has at most.
  site_of = { for name, site in local.sites : site.cell => name if site.serves }
  shared  = max([for region in local.regions : length([for site in values(local.sites) : site if site.region == region])]...)
}
