{{- define "hub.labels" -}}
app: jupyterhub
chart: {{ .Chart.Name }}-{{ .Chart.Version }}
release: {{ .Release.Name }}
heritage: {{ .Release.Service }}
{{- end }}

{{- define "hub.match" -}}
app: jupyterhub
release: {{ .Release.Name }}
{{- end }}

{{- define "hub.proxyToken" -}}
{{ required "Proxy token must be a 32 byte random string generated with `openssl rand -hex 32`!" .Values.proxy.secretToken }}
{{- end }}

{{- define "hub.image" -}}
{{ .name }}:{{ .tag }}
{{- end }}

{{- define "hub.coreAffinity" -}}
{{- $purpose := .Values.scheduling.corePods.nodeAffinity.matchNodePurpose }}
{{- if ne $purpose "ignore" }}
affinity:
  nodeAffinity:
    {{- if eq $purpose "require" }}
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions:
            - {key: hub.jupyter.org/node-purpose, operator: In, values: [core]}
    {{- else }}
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        preference:
          matchExpressions:
            - {key: hub.jupyter.org/node-purpose, operator: In, values: [core]}
    {{- end }}
{{- end }}
tolerations:
  - {key: hub.jupyter.org/dedicated, operator: Equal, value: core, effect: NoSchedule}
  - {key: hub.jupyter.org_dedicated, operator: Equal, value: core, effect: NoSchedule}
{{- end }}
