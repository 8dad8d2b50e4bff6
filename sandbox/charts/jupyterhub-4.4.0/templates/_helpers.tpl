{{- define "hub.labels" -}}
app: jupyterhub
chart: {{ .Chart.Name }}-{{ .Chart.Version }}
release: {{ .Release.Name }}
heritage: {{ .Release.Service }}
app.kubernetes.io/name: jupyterhub
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "hub.match" -}}
app: jupyterhub
release: {{ .Release.Name }}
{{- end }}

{{/* A secret of the hub: the value given, else what Secret hub holds, else a new one. Takes (list $ given key). */}}
{{- define "hub.kept" -}}
{{- $root := index . 0 }}{{ $given := index . 1 }}{{ $key := index . 2 }}
{{- $old := lookup "v1" "Secret" $root.Release.Namespace "hub" }}
{{- if $given }}{{ $given }}
{{- else if and $old (index ($old.data | default dict) $key) }}{{ index $old.data $key | b64dec }}
{{- else }}{{ randAlphaNum 64 }}{{ end }}
{{- end }}

{{- define "hub.proxyToken" -}}
{{- $chp := (.Values.hub.config.ConfigurableHTTPProxy | default dict) }}
{{- include "hub.kept" (list . ($chp.auth_token | default .Values.proxy.secretToken) "hub.config.ConfigurableHTTPProxy.auth_token") }}
{{- end }}

{{- define "hub.cookieSecret" -}}
{{- $hub := (.Values.hub.config.JupyterHub | default dict) }}
{{- include "hub.kept" (list . ($hub.cookie_secret | default .Values.hub.cookieSecret) "hub.config.JupyterHub.cookie_secret") }}
{{- end }}

{{- define "hub.cryptKey" -}}
{{- $keeper := (.Values.hub.config.CryptKeeper | default dict) }}
{{- include "hub.kept" (list . (join ";" ($keeper.keys | default list)) "hub.config.CryptKeeper.keys") }}
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
{{- with .Values.scheduling.corePods.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
