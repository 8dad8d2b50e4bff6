-- Health of a NotebookPlatform for Argo CD, which calls this with the object as `obj`
-- (https://argo-cd.readthedocs.io/en/stable/operator-manual/health/#custom-health-checks).
-- It follows kstatus: Stalled is Degraded, Ready is Healthy, everything else is Progressing.

local health = { status = "Progressing", message = "The operator has not reconciled this generation yet" }

local function condition(kind)
  if obj.status ~= nil and obj.status.conditions ~= nil then
    for _, found in ipairs(obj.status.conditions) do
      if found.type == kind then
        return found
      end
    end
  end
  return nil
end

if obj.metadata.deletionTimestamp ~= nil then
  health.message = "The platform is being deleted"
elseif obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
elseif obj.spec ~= nil and obj.spec.suspend then
  health.status = "Suspended"
  health.message = "spec.suspend is set: the operator plans and applies nothing"
  return health
end

local stalled, ready = condition("Stalled"), condition("Ready")
if stalled ~= nil and stalled.status == "True" then
  health.status = "Degraded"
  health.message = stalled.message
elseif ready ~= nil and ready.status == "True" and obj.metadata.deletionTimestamp == nil then
  health.status = "Healthy"
  health.message = ready.message
elseif ready ~= nil and ready.message ~= nil and ready.message ~= "" then
  health.message = ready.message
end
return health
