/// <reference types="unplugin-quantize/client" />
